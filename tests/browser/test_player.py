"""What the tab plays: the stored copy or the link, once, and what it says if neither can be loaded."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.noting_server import AIRFLOW, GRID, SERVICE, TAB, NotingServer

STORED = "/seedance/stored"
MISSING = "http://127.0.0.1:1/1.mp4"


def test_stored_copy_plays_and_the_link_is_not_requested(page: Page, server: NotingServer) -> None:
    server.reset([server.url(SERVICE)], {0: True})
    page.goto(server.url(AIRFLOW, TAB))
    video = page.get_by_label("Video 1", exact=True)
    expect(video).to_have_js_property("videoWidth", 864)
    video.click()
    page.wait_for_function("video => video.currentTime > 0.2", arg=video.element_handle())
    assert server.to(SERVICE) == []
    assert {each.cookies for each in server.to(AIRFLOW, STORED)} == {"_token=secret; session=secret"}


def test_other_copy_and_then_the_link_play_if_a_copy_cannot_be_read(page: Page, server: NotingServer) -> None:
    server.reset([server.url(SERVICE)], {3: False, 5: True})
    page.goto(server.url(AIRFLOW, TAB))
    expect(page.get_by_label("Video 1", exact=True)).to_have_js_property("videoWidth", 864)
    assert server.to(SERVICE) == []

    server.reset([server.url(SERVICE)], {3: False, 4: False})
    page.reload()
    expect(page.frame_locator("iframe").locator("video")).to_have_js_property("videoWidth", 864)


def test_message_names_copy_and_link_if_neither_can_be_loaded(page: Page, server: NotingServer) -> None:
    server.reset([server.url(AIRFLOW, "auth/logout")], {0: False})
    page.goto(server.url(AIRFLOW, TAB))
    message = page.get_by_role("alert")
    expect(message).to_contain_text("The stored file cannot be loaded")
    expect(message).to_contain_text("is not loaded")


@pytest.mark.parametrize("path", [TAB, GRID])
def test_new_data_of_the_task_load_no_video_again(page: Page, server: NotingServer, path: str) -> None:
    server.reset([server.url(SERVICE)])
    server.task["state"] = "running"
    page.goto(server.url(AIRFLOW, path))
    video = page.frame_locator("iframe").locator("video")
    expect(video).to_have_js_property("videoWidth", 864)
    video.evaluate("video => { video.title = 'the same' }")
    page.wait_for_timeout(500)
    requests = len(server.to(SERVICE))

    server.task["state"] = "success" if path == TAB else "running"
    server.noted[:] = server.to(SERVICE)
    xcoms = "/api/v2/dags/d/dagRuns/r/taskInstances/t" + ("/0" if path == TAB else "/listMapped")
    for _ in range(100):
        page.wait_for_timeout(100)
        if server.to(AIRFLOW, xcoms):
            break
    page.wait_for_timeout(500)
    assert server.to(AIRFLOW, xcoms)
    expect(video).to_have_attribute("title", "the same")
    assert len(server.to(SERVICE)) == requests


def test_tile_has_price_reason_and_flag(page: Page, server: NotingServer) -> None:
    server.reset([server.url(SERVICE)])
    server.task.update(state="failed", rendered_map_index="Postcard 1")
    server.xcoms["prediction"].update(error="An output is flagged", has_nsfw_contents=[True])
    page.goto(server.url(AIRFLOW, GRID))
    tile = page.get_by_role("listitem")
    for text in ("Postcard 1", "Failed", "$0.50", "An output is flagged", "not safe for work"):
        expect(tile).to_contain_text(text)
    expect(page.get_by_role("main")).to_contain_text("$0.50 (list price estimate) on this page")
    expect(page.frame_locator("iframe").locator("video")).to_have_js_property("muted", True)


def test_tab_of_the_task_that_stores_shows_its_files(page: Page, server: NotingServer) -> None:
    server.reset(copies={0: True})
    server.task["operator"] = "SeedanceToObjectStorageOperator"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    file = {"path": "s3://bucket/videos/boat.mp4", "bytes": 93752, "sha256": sha256, "width": 864, "height": 496}
    server.xcoms.update(prediction=None, stored={"prediction_id": None, "files": [{**file, "seconds": 4.0}]})
    page.goto(server.url(AIRFLOW, TAB))
    for text in ("1 stored file", "s3://bucket/videos/boat.mp4", "93.8 kB", "864 \u00d7 496", "4 s", sha256):
        expect(page.get_by_role("main")).to_contain_text(text)
    expect(page.get_by_label("boat.mp4", exact=True)).to_have_js_property("videoWidth", 864)

    server.xcoms["stored"] = None
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("XComs do not exist any more")
