"""The tab, the page and the link *Video* with an XCom backend that puts every value into object storage."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accounts import VIEWER
from tests.browser.conftest import Visit
from tests.browser.stage import TASK_ID, Stage, running_stage
from tests.browser.video_tab import VideoTab
from tests.browser.videos_page import VideosPage

BACKEND = "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend"


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("object_storage") / "airflow"
    settings = {
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{home}/xcom",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
    }
    with running_stage(home, settings) as running:
        running.start_once("one_video", "two_videos", "refused_video")
        yield running


@pytest.fixture
def tab(visitor: Visit) -> VideoTab:
    return VideoTab(visitor(VIEWER))


@pytest.mark.parametrize("dag_id", ["one_video", "refused_video"])
def test_page_states_that_value_is_in_object_storage(tab: VideoTab, stage: Stage, dag_id: str) -> None:
    tab.open(dag_id, stage.ended(dag_id))
    expect(tab.content).to_contain_text(re.compile("object storage.*log.*link “Video”"))
    expect(tab.content).not_to_contain_text("Not submitted")


def test_extra_link_leads_to_video(tab: VideoTab, stage: Stage) -> None:
    tab.visitor.go(f"dags/one_video/runs/{stage.ended('one_video')}/tasks/{TASK_ID}/details")
    link = tab.visitor.page.get_by_role("link", name="Video", exact=True).last
    expect(link).to_have_attribute("href", re.compile(f"^{re.escape(stage.emulator.url)}/.*mp4"))


def test_tiles_of_mapped_task_state_that_values_are_in_object_storage(tab: VideoTab, stage: Stage) -> None:
    tab.open_all("two_videos", stage.ended("two_videos"))
    expect(tab.tiles).to_have_text([re.compile("In object storage.*Success")] * 2)


def test_page_of_all_generations_states_that_values_are_hidden(visitor: Visit, stage: Stage) -> None:
    stage.ended("one_video")
    videos = VideosPage(visitor(VIEWER))
    videos.open("?dag_id=one_video")
    expect(videos.tiles).to_contain_text("An XCom backend keeps this generation outside Airflow's database")
    expect(videos.tiles).to_contain_text("Price unknown")
    expect(videos.sums).to_contain_text("1 generation without a known price is not included.")
