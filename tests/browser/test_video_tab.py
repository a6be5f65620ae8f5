"""The tab *Video*: videos, errors, mapped tasks, permissions, and no script injection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.browser.accounts import RESTRICTED, VIEWER
from tests.browser.conftest import Visit
from tests.browser.prompts import HIDDEN_DAG, PROMPTS, postcard
from tests.browser.stage import TASK_ID, Stage
from tests.browser.video_tab import VideoTab, wait_until_video_plays
from tests.versions import IS_3_4, needs_3_4

#: Seconds for a generation in the test that shows the wait.
SLOW = 15.0


@pytest.fixture(scope="module", autouse=True)
def _runs(stage: Stage) -> None:
    stage.start_once("one_video", "script_video", "refused_video", "failed_video", HIDDEN_DAG, "other_work")
    stage.start_once("many_videos")


@pytest.fixture
def tab(visitor: Visit) -> VideoTab:
    return VideoTab(visitor(VIEWER))


@pytest.fixture
def expired_links(stage: Stage) -> Iterator[None]:
    stage.emulator.settings(link_seconds=0)
    yield
    stage.emulator.settings(link_seconds=86400)


def xcom(stage: Stage, dag_id: str, key: str) -> str:
    value: str = stage.airflow.api.xcom(dag_id, stage.ended(dag_id), TASK_ID, key)
    return value


class TestOneVideo:
    def test_video_plays_in_requested_size(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("one_video", stage.ended("one_video"))
        tab.play()
        expect(tab.video).to_have_js_property("videoWidth", 1280)
        expect(tab.video).to_have_js_property("videoHeight", 720)

    def test_video_plays_when_space_is_pressed(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("one_video", stage.ended("one_video"))
        tab.load_button.focus()
        tab.visitor.page.keyboard.press("Space")
        expect(tab.video).not_to_have_js_property("readyState", 0)
        tab.video.focus()
        tab.visitor.page.keyboard.press("Space")
        wait_until_video_plays(tab.video)

    def test_page_shows_request_and_generation(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("one_video", stage.ended("one_video"))
        for text in (
            PROMPTS["one_video"],
            "Succeeded",
            "doubao-seedance-2-0-fast-260128",
            "text-to-video",
            "720p",
            "16:9",
            "1280 \u00d7 720",
            "Estimated cost",
            # 5 seconds at the list price of 0.0998 USD.
            "$0.50",
            xcom(stage, "one_video", "prediction_id"),
        ):
            expect(tab.content).to_contain_text(text)

    def test_prediction_id_can_be_copied(self, tab: VideoTab, stage: Stage) -> None:
        tab.visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.open("one_video", stage.ended("one_video"))
        tab.frame.get_by_role("button", name="Copy the prediction's id").click()
        expect(tab.content).to_contain_text("Copied")
        copied = tab.visitor.page.evaluate("navigator.clipboard.readText()")
        assert copied == xcom(stage, "one_video", "prediction_id")

    def test_extra_link_in_details_leads_to_video(self, tab: VideoTab, stage: Stage) -> None:
        tab.visitor.go(f"dags/one_video/runs/{stage.ended('one_video')}/tasks/{TASK_ID}/details")
        links = tab.visitor.page.get_by_role("link", name="Video", exact=True)
        expect(links).to_have_count(2)
        expect(links.last).to_have_attribute("href", xcom(stage, "one_video", "video_url"))

    def test_expired_link_shows_message(self, tab: VideoTab, stage: Stage, expired_links: None) -> None:
        tab.open("one_video", stage.ended("one_video"))
        tab.load_button.click()
        expect(tab.frame.get_by_role("alert")).to_contain_text("may have expired")
        expect(tab.video).to_have_count(0)

    def test_page_requests_only_airflow_and_service(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("one_video", stage.ended("one_video"))
        tab.load_button.click()
        expect(tab.video).to_have_js_property("videoWidth", 1280)
        urls = [urlsplit(each["request"]["url"]) for each in tab.visitor.answers()]
        origins = {f"{each.scheme}://{each.netloc}" for each in urls if each.scheme in ("http", "https")}
        assert origins == {stage.airflow.url, stage.emulator.url}

    def test_page_follows_theme_of_airflow(self, visitor: Visit, stage: Stage) -> None:
        tab = VideoTab(visitor(VIEWER, color_scheme="dark"))
        tab.open("one_video", stage.ended("one_video"))
        expect(tab.content).to_have_css("color-scheme", "dark")
        page = tab.visitor.page
        page.get_by_role("button", name="User", exact=True).click()
        page.get_by_role("menuitem", name="Appearance").click()
        page.get_by_role("menuitemradio", name="Light").click()
        expect(tab.content).to_have_css("color-scheme", "light")


class TestOtherStates:
    def test_page_shows_elapsed_time_then_video(self, tab: VideoTab, stage: Stage) -> None:
        stage.emulator.settings(seconds_running=SLOW)
        run_id = stage.start("slow_video")
        tab.open("slow_video", run_id)
        elapsed = tab.frame.get_by_text(re.compile(r"waiting for \d+ s"))
        elapsed.wait_for()
        expect(elapsed).to_contain_text("last seen created")
        expect(tab.content).to_contain_text("In progress")
        stage.emulator.settings(seconds_running=0.15)
        first = elapsed.inner_text()
        expect(elapsed).not_to_have_text(first)
        tab.load_button.click()
        expect(tab.video).to_be_visible()
        expect(elapsed).to_be_hidden()
        expect(tab.content).to_contain_text("Succeeded")

    @pytest.mark.parametrize("dag_id", ["refused_video", "failed_video"])
    def test_page_of_failed_task_shows_error(self, tab: VideoTab, stage: Stage, dag_id: str) -> None:
        tab.open(dag_id, stage.ended(dag_id))
        expect(tab.content).to_contain_text(re.compile("content policy|safety|sensitive", re.IGNORECASE))
        expect(tab.content).to_contain_text("Failed")
        expect(tab.content).to_contain_text(PROMPTS[dag_id])
        expect(tab.load_button).to_have_count(0)
        expect(tab.video).to_have_count(0)

    def test_page_of_failed_generation_shows_prediction_id(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("failed_video", stage.ended("failed_video"))
        expect(tab.content).to_contain_text(xcom(stage, "failed_video", "prediction_id"))

    @needs_3_4
    def test_other_operator_has_no_tab(self, tab: VideoTab, stage: Stage) -> None:
        tab.visitor.go(f"dags/other_work/runs/{stage.ended('other_work')}/tasks/{TASK_ID}")
        expect(tab.visitor.page.get_by_role("link", name="Details", exact=True)).to_be_visible()
        expect(tab.visitor.page.get_by_role("link", name="Video", exact=True)).to_have_count(0)

    @pytest.mark.skipif(IS_3_4, reason="Airflow 3.4 shows no tab on tasks of other operators")
    def test_page_of_other_operator_shows_message(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("other_work", stage.ended("other_work"))
        expect(tab.content).to_have_text(re.compile(r"\s*This task makes no Seedance video.*EmptyOperator\.\s*"))


def test_script_in_prompt_is_shown_as_text(tab: VideoTab, stage: Stage) -> None:
    dialogs: list[str] = []

    def record(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    tab.visitor.page.on("dialog", record)
    tab.open("script_video", stage.ended("script_video"))
    expect(tab.frame.get_by_text(PROMPTS["script_video"], exact=True)).to_be_visible()
    tab.load_button.click()
    expect(tab.video).to_have_js_property("readyState", 4)
    titles = [frame.title() for frame in tab.visitor.page.frames]
    assert len(titles) == 3
    assert [title for title in titles if "owned" in title] == []
    assert dialogs == []
    assert tab.frame.locator("img").count() == 0


class TestMappedTask:
    def test_sixty_videos_are_shown_in_pages(self, tab: VideoTab, stage: Stage) -> None:
        tab.open_all("many_videos", stage.ended("many_videos"))
        expect(tab.content).to_contain_text("1\u201324 of 60")
        expect(tab.tiles).to_have_count(24)
        expect(tab.tiles.first).to_contain_text(postcard(1))
        expect(tab.tiles.first).to_contain_text("$0.")
        expect(tab.content).to_contain_text("(list price estimate) on this page")
        tab.load_button.first.click()
        expect(tab.tiles.first.frame_locator("iframe").locator("video")).to_have_js_property("videoWidth", 864)
        expect(tab.frame.get_by_role("button", name="Previous")).to_be_disabled()

        tab.frame.get_by_role("button", name="Next").click()
        expect(tab.content).to_contain_text("25\u201348 of 60")
        tab.frame.get_by_role("button", name="Next").click()
        expect(tab.content).to_contain_text("49\u201360 of 60")
        expect(tab.tiles).to_have_count(12)
        expect(tab.tiles.last).to_contain_text(postcard(60))
        expect(tab.frame.get_by_role("button", name="Next")).to_be_disabled()

        tab.tiles.last.get_by_role("link").click()
        expect(tab.visitor.page).to_have_url(re.compile("/mapped/59/"))
        tab.load_button.click()
        expect(tab.video).to_be_visible()
        expect(tab.content).to_contain_text(postcard(60))

    def test_url_without_map_index_shows_grid(self, tab: VideoTab, stage: Stage) -> None:
        tab.open("many_videos", stage.ended("many_videos"))
        expect(tab.tiles).to_have_count(24)


class TestBaseUrlWithPath:
    def test_video_plays_below_path_of_base_url(self, visitor: Visit, stage: Stage, second_server: str) -> None:
        tab = VideoTab(visitor(VIEWER, url=second_server))
        tab.open("one_video", stage.ended("one_video"))
        expect(tab.content).to_contain_text(PROMPTS["one_video"])
        tab.play()

    def test_grid_leads_to_video_below_path_of_base_url(self, visitor: Visit, stage: Stage, second_server: str) -> None:
        tab = VideoTab(visitor(VIEWER, url=second_server))
        tab.open_all("many_videos", stage.ended("many_videos"))
        tab.tiles.first.get_by_role("link").click()
        expect(tab.visitor.page).to_have_url(re.compile(f"^{re.escape(second_server)}/dags/many_videos/.*/mapped/0/"))
        tab.load_button.click()
        expect(tab.video).to_be_visible()


class TestPermission:
    @pytest.fixture
    def page_url(self, stage: Stage) -> str:
        return f"seedance/video?dag={HIDDEN_DAG}&run={stage.ended(HIDDEN_DAG)}&task={TASK_ID}"

    def test_user_with_permission_gets_video(self, visitor: Visit, second_server: str, page_url: str) -> None:
        user = visitor(VIEWER, url=second_server)
        user.go(page_url)
        expect(main(user.page)).to_contain_text(PROMPTS[HIDDEN_DAG])

    def test_user_without_permission_gets_only_message(
        self, visitor: Visit, stage: Stage, second_server: str, page_url: str
    ) -> None:
        user = visitor(RESTRICTED, url=second_server)
        user.go(page_url)
        expect(main(user.page)).to_have_text(re.compile(r"\s*You do not have permission to see this task's data\.\s*"))
        responses = json.dumps([each["response"] for each in user.answers()])
        assert PROMPTS[HIDDEN_DAG] not in responses
        assert xcom(stage, HIDDEN_DAG, "prediction_id") not in responses


def main(page: Page) -> Locator:
    return page.get_by_role("main")
