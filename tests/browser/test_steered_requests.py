"""Requests that the service can steer with its outputs, noted by a server that has cookies for each host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from airflow_provider_seedance.emulator.video import Clip, write_video
from tests.browser.noting_server import AIRFLOW, NotingServer, running_noting_server
from tests.browser.visitors import running_browser

#: Hosts of the service, of a stranger, in Airflow's own domain, and in a private network.
SERVICE = "outputs.service.net"
STRANGER = "bank.org"
SIBLING = "wiki.company.example"
PRIVATE = "router.lan"
LOGOUT = "auth/logout"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotingServer]:
    video = tmp_path_factory.mktemp("video") / "video.mp4"
    write_video(Clip(width=864, height=496, seconds=4, sound=False, seed=1, model="model", prompt="A boat"), video)
    with running_noting_server(video) as running:
        yield running


@pytest.fixture(scope="module")
def page(server: NotingServer) -> Iterator[Page]:
    """Return a page of a browser that has cookies for each host."""
    with running_browser("--host-resolver-rules=MAP * 127.0.0.1") as browser, browser.new_page() as opened:
        for host in (AIRFLOW, SERVICE, STRANGER, SIBLING, PRIVATE):
            opened.goto(server.url(host, "page"))
        yield opened


def show(page: Page, server: NotingServer, *outputs: str) -> None:
    """Open the tab of a task with these outputs, and forget the requests before."""
    page.goto("about:blank")
    server.outputs[:] = outputs
    server.noted.clear()
    page.goto(server.url(AIRFLOW, "seedance/video?dag=d&run=r&task=t&map_index=-1"))


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


def expect_failure(page: Page, text: str = "cannot be loaded") -> None:
    expect(page.get_by_role("alert")).to_contain_text(text)


def expect_video(page: Page) -> None:
    expect(frame(page).locator("video")).to_have_js_property("videoWidth", 864)


def test_video_of_host_without_cors_plays_without_cookie_and_referrer(page: Page, server: NotingServer) -> None:
    show(page, server, server.url(SERVICE))
    expect_video(page)
    frame(page).locator("video").click()
    handle = frame(page).locator("video").element_handle()
    page.frames[1].wait_for_function("video => video.currentTime > 0.2", arg=handle)
    assert {(each.cookies, each.referrer) for each in server.to(SERVICE)} == {("", "")}


def test_own_address_is_never_requested(page: Page, server: NotingServer) -> None:
    show(page, server, server.url(AIRFLOW, LOGOUT))
    expect_failure(page, "is not loaded")
    expect(page.get_by_role("link", name="Open")).to_have_count(0)
    assert server.to(AIRFLOW, f"/{LOGOUT}") == []


@pytest.mark.parametrize("target", [AIRFLOW, SIBLING, PRIVATE, STRANGER])
def test_redirect_to_another_host_is_not_followed(page: Page, server: NotingServer, target: str) -> None:
    show(page, server, server.redirect(SERVICE, server.url(target, LOGOUT)))
    expect_failure(page)
    assert server.to(target, f"/{LOGOUT}") == []
    assert server.to(SERVICE) != []


def test_redirect_within_host_is_followed(page: Page, server: NotingServer) -> None:
    show(page, server, server.redirect(SERVICE, server.url(SERVICE)))
    expect_video(page)


def test_playlist_loads_nothing_from_another_host(page: Page, server: NotingServer) -> None:
    show(page, server, server.url(SERVICE, f"{server.url(AIRFLOW, LOGOUT)}/playlist.m3u8"))
    expect_failure(page)
    assert server.to(AIRFLOW, f"/{LOGOUT}") == []
    assert server.to(SERVICE) != []


@pytest.mark.parametrize("host", [PRIVATE, SIBLING, "127.0.0.1", "2130706433", "intranet"])
def test_private_address_is_requested_only_after_click_and_without_cookie(
    page: Page, server: NotingServer, host: str
) -> None:
    show(page, server, server.url(host))
    button = page.get_by_role("button", name="Load from")
    expect(button).to_be_visible()
    noted = "127.0.0.1" if host.isdecimal() else host
    assert server.to(noted) == []
    button.click()
    expect_video(page)
    assert {each.cookies for each in server.to(noted)} == {""}


def test_video_below_the_window_is_requested_when_it_is_visible(page: Page, server: NotingServer) -> None:
    show(page, server, *[server.url(SERVICE, f"{number}.mp4") for number in range(6)])
    expect(frame(page).first.locator("video")).to_have_js_property("videoWidth", 864)
    assert server.to(SERVICE, "/5.mp4") == []
    page.get_by_role("figure").last.scroll_into_view_if_needed()
    expect(page.frame_locator("iframe >> nth=-1").locator("video")).to_have_js_property("videoWidth", 864)
    assert server.to(SERVICE, "/5.mp4") != []
