"""
Take the screenshots of the documentation; ``make screenshots`` runs it.

pytest does not collect a file with this name by default, so ``make browser`` takes no screenshots.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accounts import OPERATOR, VIEWER
from tests.browser.conftest import Visit
from tests.browser.connections_page import ConnectionsPage
from tests.browser.stage import REVIEW, Stage
from tests.browser.video_tab import VideoTab
from tests.browser.videos_page import VideosPage

IMAGES = Path(__file__).parents[2] / "docs/images"
#: Size limit of a screenshot in bytes, so that pages load fast.
MAXIMUM_BYTES = 300_000


def take(page: Page, name: str, height: int) -> None:
    page.set_viewport_size({"width": 1280, "height": height})
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size < MAXIMUM_BYTES


def test_screenshot_of_the_connection_form(visitor: Visit) -> None:
    connections = ConnectionsPage(visitor(OPERATOR))
    connections.open()
    connections.begin("seedance_default")
    connections.fill({"Base URL": "https://gptproto.com", "API key": "sk-0123456789abcdef"})
    take(connections.visitor.page, "connection-form", 920)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshot_of_the_video_tab(visitor: Visit, stage: Stage, theme: Literal["light", "dark"]) -> None:
    tab = VideoTab(visitor(VIEWER, color_scheme=theme))
    tab.open("one_video", stage.ended("one_video"))
    tab.play()
    tab.video.click()
    expect(tab.video).to_have_js_property("paused", True)
    take(tab.visitor.page, f"video-tab-{theme}", 800)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshot_of_the_videos_page(visitor: Visit, stage: Stage, theme: Literal["light", "dark"]) -> None:
    for dag_id in ("many_videos", "failed_video", "one_video"):
        stage.ended(dag_id)
    videos = VideosPage(visitor(VIEWER, color_scheme=theme))
    videos.open()
    # The emulator has an address of a private network, whose videos load on a click.
    for tile in videos.tiles.all()[:6]:
        button = tile.get_by_role("button", name="Load from")
        if button.count():
            button.click()
            expect(tile.frame_locator("iframe").locator("video")).to_have_js_property("readyState", 4)
    take(videos.visitor.page, f"videos-page-{theme}", 900)


def test_screenshot_of_a_stored_copy(visitor: Visit, stage: Stage) -> None:
    run_id = stage.ended("stored_video")
    stage.emulator.settings(link_seconds=0)
    try:
        tab = VideoTab(visitor(VIEWER))
        tab.open("stored_video", run_id)
        copy = tab.frame.get_by_label("Video 1", exact=True)
        expect(copy).to_have_js_property("readyState", 4)
        take(tab.visitor.page, "stored-copy", 800)
    finally:
        stage.emulator.settings(link_seconds=86400)


def test_screenshot_of_a_request_for_a_decision(visitor: Visit, stage: Stage) -> None:
    prompt = "A fountain pen writes a single line in blue ink, macro shot."
    with stage.waiting_review(prompt) as run_id:
        user = visitor(OPERATOR)
        user.go(f"dags/{REVIEW}/runs/{quote(run_id)}/tasks/take_1.review/required_actions")
        poster = user.page.get_by_role("img", name="Watch the video")
        expect(poster).to_have_js_property("naturalWidth", 1280)
        take(user.page, "review", 900)


def test_screenshot_of_the_mapped_grid(visitor: Visit, stage: Stage) -> None:
    tab = VideoTab(visitor(VIEWER))
    tab.open_all("many_videos", stage.ended("many_videos"))
    for tile in tab.tiles.all()[:12]:
        tile.get_by_role("button").click()
        expect(tile.frame_locator("iframe").locator("video")).to_have_js_property("readyState", 4)
    take(tab.visitor.page, "mapped-grid", 900)
