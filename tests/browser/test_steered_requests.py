"""Requests that the service can steer with its outputs, noted by a server that has cookies for each host."""

from __future__ import annotations

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.noting_server import AIRFLOW, PRIVATE, SERVICE, SIBLING, STRANGER, TAB, NotingServer

LOGOUT = "auth/logout"


def show(page: Page, server: NotingServer, *outputs: str) -> None:
    """Open the tab of a task with these outputs."""
    page.goto("about:blank")
    server.reset(outputs)
    page.goto(server.url(AIRFLOW, TAB))


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
    last = page.get_by_role("figure").last
    last.scroll_into_view_if_needed()
    expect(last.frame_locator("iframe").locator("video")).to_have_js_property("videoWidth", 864)
    assert server.to(SERVICE, "/5.mp4") != []
