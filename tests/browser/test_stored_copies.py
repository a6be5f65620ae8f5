"""Stored copies in the tab, after the service has forgotten the videos."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.accounts import VIEWER
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.video_tab import VideoTab, wait_until_video_plays


@pytest.fixture(autouse=True)
def _forgotten_video(stage: Stage) -> Iterator[None]:
    stage.ended("stored_video")
    stage.emulator.settings(link_seconds=0)
    yield
    stage.emulator.settings(link_seconds=86400)


@pytest.fixture
def tab(visitor: Visit) -> VideoTab:
    return VideoTab(visitor(VIEWER))


def test_copy_plays_and_seeks_in_the_tab_of_the_generation(tab: VideoTab, stage: Stage) -> None:
    tab.open("stored_video", stage.ended("stored_video"))
    copy = tab.frame.get_by_label("Video 1", exact=True)
    expect(copy).not_to_have_js_property("readyState", 0)
    copy.click()
    wait_until_video_plays(copy)
    copy.evaluate("video => { video.pause(); video.currentTime = 3; }")
    expect(copy).to_have_js_property("seeking", False)
    expect(copy).to_have_js_property("currentTime", 3)

    answers = [each for each in tab.visitor.answers() if "/seedance/stored?" in each["request"]["url"]]
    assert {each["response"]["status"] for each in answers} == {206}


def test_tab_of_the_task_that_stores_plays_its_file(tab: VideoTab, stage: Stage) -> None:
    tab.open("stored_video", stage.ended("stored_video"), task_id="store_video")
    for text in ("1 stored file", "/videos/", "SHA-256", "864 \u00d7 496"):
        expect(tab.content).to_contain_text(text)
    video = tab.frame.locator("video")
    expect(video).not_to_have_js_property("readyState", 0)
    video.click()
    wait_until_video_plays(video)
