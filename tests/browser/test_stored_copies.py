"""Stored copies in the tab, after the service has forgotten the videos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.accounts import VIEWER
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.video_tab import VideoTab, wait_until_video_plays

#: A copy in a folder of the API server, and one in a bucket.
DAGS = ("stored_video", "signed_video")


@pytest.fixture(autouse=True)
def _forgotten_videos(stage: Stage) -> Iterator[None]:
    stage.start_once(*DAGS)
    for dag_id in DAGS:
        stage.ended(dag_id)
    stage.emulator.settings(link_seconds=0)
    yield
    stage.emulator.settings(link_seconds=86400)


@pytest.fixture
def tab(visitor: Visit) -> VideoTab:
    return VideoTab(visitor(VIEWER))


def play_and_seek(tab: VideoTab, stage: Stage, dag_id: str) -> None:
    """Play the copy in the tab of its generation, then jump to its third second."""
    tab.open(dag_id, stage.ended(dag_id))
    copy = tab.frame.get_by_label("Video 1", exact=True)
    expect(copy).not_to_have_js_property("readyState", 0)
    copy.click()
    wait_until_video_plays(copy)
    copy.evaluate("video => { video.pause(); video.currentTime = 3; }")
    expect(copy).to_have_js_property("seeking", False)
    expect(copy).to_have_js_property("currentTime", 3)


def statuses(answers: Sequence[Mapping[str, Any]], part: str) -> dict[str, set[int]]:
    """Return the addresses with this part that were requested, each with the statuses of its responses."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for each in answers:
        if part in each["request"]["url"]:
            found[each["request"]["url"]].add(each["response"]["status"])
    return found


def test_copy_plays_and_seeks_in_the_tab_of_the_generation(tab: VideoTab, stage: Stage) -> None:
    play_and_seek(tab, stage, "stored_video")
    [answers] = statuses(tab.visitor.answers(), "/seedance/stored?").values()
    assert answers == {206}


def test_copy_in_bucket_plays_and_seeks_by_a_link_that_the_store_signed(tab: VideoTab, stage: Stage) -> None:
    play_and_seek(tab, stage, "signed_video")
    answers = tab.visitor.answers()
    assert list(statuses(answers, "/seedance/stored?").values()) == [{307}]
    [(link, from_bucket)] = statuses(answers, "/media/videos/").items()
    assert from_bucket == {206}
    assert urlsplit(link).netloc != urlsplit(stage.airflow.url).netloc
    # AWS Signature Version 2 or 4, by what the library chooses.
    assert {"Signature", "X-Amz-Signature"} & parse_qs(urlsplit(link).query).keys()


@pytest.mark.parametrize(("dag_id", "folder"), [("stored_video", "/videos/"), ("signed_video", "@media/videos/")])
def test_tab_of_the_task_that_stores_plays_its_file(tab: VideoTab, stage: Stage, dag_id: str, folder: str) -> None:
    tab.open(dag_id, stage.ended(dag_id), task_id="store_video")
    for text in ("1 stored file", folder, "SHA-256", "864 \u00d7 496"):
        expect(tab.content).to_contain_text(text)
    video = tab.frame.locator("video")
    expect(video).not_to_have_js_property("readyState", 0)
    video.click()
    wait_until_video_plays(video)
