"""The page *Seedance*: what it shows to whom, its address, its sums, its speed, and how it is used without a mouse."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Request, expect

from tests.browser.accessibility import serious_issues
from tests.browser.accounts import RESTRICTED, VIEWER
from tests.browser.archive import archived_prompt, empty_archive, fill_archive
from tests.browser.conftest import Visit
from tests.browser.prompts import ARCHIVE_DAG, HIDDEN_DAG, PAID_DAG, PAID_TASKS, PROMPTS, postcard
from tests.browser.stage import TASK_ID, Stage
from tests.browser.video_tab import VideoTab
from tests.browser.videos_page import PATH, VideosPage
from tests.versions import needs_store

STATIC = re.compile(r"/seedance/([\w-]+\.(js|css|svg)|videos?)$")
ARCHIVED = 5000


@pytest.fixture(scope="module", autouse=True)
def _runs(stage: Stage) -> None:
    dags = ("one_video", "script_video", "refused_video", "failed_video", HIDDEN_DAG, "many_videos", ARCHIVE_DAG)
    stage.start_once(*dags)
    for dag_id in dags:
        stage.ended(dag_id)


@pytest.fixture
def videos(visitor: Visit) -> VideosPage:
    return VideosPage(visitor(VIEWER))


def booked(stage: Stage, prompt: str) -> list[dict[str, Any]]:
    """Return the submissions that the service has booked, of prompts that begin so."""
    return [each for each in stage.emulator.ledger() if each["parameters"]["prompt"].startswith(prompt)]


class TestPage:
    def test_navigation_leads_to_generations_newest_first(self, videos: VideosPage) -> None:
        videos.visitor.page.get_by_role("link", name="Seedance", exact=True).click()
        videos.wait_until_loaded()
        expect(videos.frame.get_by_role("heading", name="Seedance videos")).to_be_visible()
        times = [each.get_attribute("datetime") for each in videos.tiles.locator("time").all()]
        assert len(times) == 24
        assert times == sorted(times, key=str, reverse=True)

    def test_tile_shows_prompt_task_outcome_price_and_age(self, videos: VideosPage, stage: Stage) -> None:
        videos.open("?dag_id=one_video")
        expect(videos.tiles).to_have_count(1)
        # 5 seconds at the list price of 0.0998 USD.
        for text in (PROMPTS["one_video"], "one_video", TASK_ID, "Succeeded", "$0.50"):
            expect(videos.tiles).to_contain_text(text)
        expect(videos.tiles.locator("time")).to_have_text(re.compile(r"^(just now|\d+ (min|h) ago)$"))

    def test_video_is_loaded_in_its_tile(self, videos: VideosPage) -> None:
        videos.open("?dag_id=one_video")
        # The emulator has an address of a private network.
        videos.tiles.get_by_role("button", name="Load from").click()
        video = videos.tiles.frame_locator("iframe").locator("video")
        expect(video).to_have_js_property("videoWidth", 1280)
        expect(video).to_have_attribute("aria-label", PROMPTS["one_video"])

    def test_tile_leads_to_tab_and_dag(self, videos: VideosPage) -> None:
        videos.open("?dag_id=one_video")
        videos.tiles.get_by_role("link", name=TASK_ID).click()
        expect(VideoTab(videos.visitor).content).to_contain_text(PROMPTS["one_video"])
        videos.open("?dag_id=one_video")
        videos.tiles.get_by_role("link", name="one_video", exact=True).click()
        expect(videos.visitor.page).to_have_url(re.compile(r"/dags/one_video$"))

    def test_failure_has_its_reason(self, videos: VideosPage) -> None:
        videos.open("?dag_id=failed_video")
        expect(videos.tiles).to_contain_text("Failed")
        expect(videos.tiles).to_contain_text(re.compile("sensitive|policy", re.IGNORECASE))

    def test_script_in_prompt_is_shown_as_text(self, videos: VideosPage) -> None:
        videos.open("?dag_id=script_video")
        expect(videos.tiles.get_by_text(PROMPTS["script_video"], exact=True)).to_be_visible()
        assert videos.frame.locator("img").count() == 0

    def test_wait_is_shown_with_its_duration_until_it_ends(self, videos: VideosPage, stage: Stage) -> None:
        earlier = booked(stage, PROMPTS["slow_video"])
        stage.emulator.settings(seconds_running=60)
        run_id = stage.start("slow_video")
        stage.airflow.wait_for("submission", lambda: len(booked(stage, PROMPTS["slow_video"])) > len(earlier))
        stage.emulator.settings(seconds_running=0.15)
        requests: list[Request] = []
        videos.visitor.page.on("requestfinished", lambda request: requests.append(request))
        videos.open("?dag_id=slow_video")
        summary = videos.frame.get_by_text(re.compile(r"1 waiting now, the longest for \d+"))
        expect(summary).not_to_have_text(summary.inner_text())
        summary.click()
        expect(videos.frame.get_by_role("link", name=f"slow_video · {TASK_ID}")).to_be_visible()
        stage.wait_for_end("slow_video", run_id)
        expect(summary).to_be_hidden()
        expect(videos.tiles.first).to_contain_text("Succeeded")
        times = [each.timing["startTime"] for each in requests if "/seedance/api/generations" in each.url]
        # Milliseconds.
        assert min(second - first for first, second in pairwise(times)) > 10_000


class TestAddress:
    def test_filters_are_in_address_that_opens_the_same(self, videos: VideosPage, visitor: Visit) -> None:
        videos.open()
        videos.filter(DAG="many_videos", Prompt_contains="card 7:")
        expect(videos.tiles).to_have_count(1)
        expect(videos.tiles).to_contain_text(postcard(7))
        address = videos.visitor.page.url
        assert parse_qs(urlsplit(address).query) == {"dag_id": ["many_videos"], "text": ["card 7:"]}
        videos.visitor.page.goto("about:blank")
        videos.visitor.page.goto(address)
        videos.wait_until_loaded()
        expect(videos.tiles).to_have_count(1)
        expect(videos.field("Prompt contains")).to_have_value("card 7:")
        expect(videos.field("DAG")).to_have_value("many_videos")

    def test_back_and_forward_return_to_filters_and_pages(self, videos: VideosPage) -> None:
        videos.open("?dag_id=many_videos")
        videos.expect_range("1-24 of 60")
        videos.turn("Next")
        videos.expect_range("25-48 of 60")
        videos.filter(Outcome="failed")
        expect(videos.content).to_contain_text("No generation matches these filters.")
        videos.visitor.page.go_back()
        videos.expect_range("25-48 of 60")
        expect(videos.visitor.page).to_have_url(re.compile(r"\?dag_id=many_videos&offset=24$"))
        videos.visitor.page.go_back()
        videos.expect_range("1-24 of 60")
        videos.visitor.page.go_forward()
        videos.expect_range("25-48 of 60")

    def test_address_of_page_that_is_gone_opens_last_page(self, videos: VideosPage) -> None:
        videos.open("?dag_id=many_videos&offset=2400")
        videos.expect_range("49-60 of 60")
        expect(videos.range.get_by_role("button", name="Next")).to_be_disabled()

    def test_days_and_outcomes_filter(self, videos: VideosPage) -> None:
        videos.open()
        videos.filter(DAG="failed_video", Outcome="failed", From="2026-01-01")
        expect(videos.tiles).to_have_count(1)
        videos.filter(To="2026-01-02")
        expect(videos.tiles).to_have_count(0)
        videos.frame.get_by_role("button", name="Clear filters").click()
        expect(videos.tiles).to_have_count(24)

    def test_page_works_below_path_of_base_url(self, visitor: Visit, second_server: str) -> None:
        videos = VideosPage(visitor(VIEWER, url=second_server))
        videos.open("?dag_id=one_video")
        expect(videos.tiles).to_contain_text(PROMPTS["one_video"])
        videos.filter(DAG="failed_video")
        videos.visitor.page.reload()
        videos.wait_until_loaded()
        videos.tiles.get_by_role("link", name=TASK_ID).click()
        expect(videos.visitor.page).to_have_url(re.compile(f"^{re.escape(second_server)}/dags/failed_video/"))


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "text"), [(401, "Log in"), (403, "permission"), (422, "Clear the filters"), (404, "status 404")]
    )
    def test_error_says_what_to_do(self, videos: VideosPage, status: int, text: str) -> None:
        videos.visitor.page.route("**/seedance/api/generations?*", lambda route: route.fulfill(status=status))
        videos.open()
        expect(videos.frame.get_by_role("status").filter(has_text=text)).to_be_visible()

    def test_page_can_be_loaded_again_after_network_error(self, videos: VideosPage) -> None:
        page = videos.visitor.page
        page.route("**/seedance/api/generations?*", lambda route: route.abort())
        videos.open("?dag_id=one_video")
        expect(videos.content).to_contain_text("Airflow does not respond.")
        page.unroute_all()
        videos.frame.get_by_role("button", name="Try again").click()
        expect(videos.tiles).to_contain_text(PROMPTS["one_video"])
        expect(videos.content).not_to_contain_text("Airflow does not respond.")


class TestPermission:
    def test_user_with_rights_on_some_dags_sees_only_their_videos_and_sums(
        self, visitor: Visit, second_server: str
    ) -> None:
        for account, sees in ((VIEWER, True), (RESTRICTED, False)):
            videos = VideosPage(visitor(account, url=second_server))
            videos.open()
            options = videos.field("DAG").locator("option").all_inner_texts()
            assert "one_video" in options
            assert (HIDDEN_DAG in options) == sees
            rows = videos.sums.get_by_role("table", name="By DAG").get_by_role("rowheader").all_inner_texts()
            assert (HIDDEN_DAG in rows) == sees
            videos.open(f"?dag_id={HIDDEN_DAG}")
            expect(videos.tiles).to_have_count(1 if sees else 0)
            responses = json.dumps([each["response"] for each in videos.visitor.answers()])
            assert (PROMPTS[HIDDEN_DAG] in responses) == sees


class TestSpeed:
    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def _archive(stage: Stage) -> Iterator[None]:
        database = stage.airflow.home / "airflow.db"
        fill_archive(database, ARCHIVED)
        yield
        empty_archive(database)

    def test_thousands_of_generations_open_and_turn_at_once(
        self, videos: VideosPage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        requests: list[Request] = []
        videos.visitor.page.on("request", lambda request: requests.append(request))
        start = time.monotonic()
        videos.visitor.page.get_by_role("link", name="Seedance", exact=True).click()
        videos.expect_range("1-24 of 5,")
        opened = time.monotonic()
        assert len(_loads(requests)) <= 1 + 24
        requests.clear()
        clicked = time.monotonic()
        videos.range.get_by_role("button", name="Next").click()
        videos.expect_range("25-48 of 5,")
        turned = time.monotonic()
        assert len(_loads(requests)) <= 1 + 24
        figures = f"{ARCHIVED} generations: opened in {opened - start:.2f} s, turned in {turned - clicked:.2f} s"
        with capsys.disabled():
            print(f"\n{figures}")  # noqa: T201 - figures for the console
        assert opened - start < 2
        assert turned - clicked < 1

    def test_prompt_is_found_among_thousands(self, videos: VideosPage) -> None:
        videos.open()
        videos.filter(Prompt_contains=archived_prompt(ARCHIVED - 1).upper())
        expect(videos.tiles).to_have_count(1)
        expect(videos.tiles).to_contain_text(archived_prompt(ARCHIVED - 1))


def _loads(requests: list[Request]) -> list[str]:
    """Return the addresses that the page loaded, without its static files and what Airflow's page around it loads."""
    framed = [each.url for each in requests if each.frame.parent_frame is not None]
    return [url for url in framed if not STATIC.search(urlsplit(url).path)]


@needs_store
def test_sums_are_those_of_the_service_after_failures_retries_and_clears(videos: VideosPage, stage: Stage) -> None:
    run_id = stage.ended(PAID_DAG)
    for numbers in ([0, 1, 2, 3, 9], [1, 2]):
        tasks = [[task_id, number] for task_id in PAID_TASKS for number in numbers]
        clear = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "reset_dag_runs": True,
            "task_ids": tasks,
        }
        stage.airflow.api.post(f"dags/{PAID_DAG}/clearTaskInstances", clear)
        stage.wait_for_end(PAID_DAG, run_id)
    submissions = booked(stage, "Paid ")
    # Of 60 generations, 2 are not accepted; 4 fail twice, and 2 of them and 2 others again; 5 are made anew.
    assert len(submissions) > 60
    paid = sum(Decimal(each["cost"]) for each in submissions)
    videos.open(f"?dag_id={PAID_DAG}")
    expect(videos.sums).to_contain_text("for 60 generations")
    expect(videos.sums).to_contain_text("Estimates at list price")
    tables = [videos.sums.get_by_role("table", name=name) for name in ("By DAG", "By model")]
    cells = [videos.sums.locator("strong"), *(table.get_by_role("cell").last for table in tables)]
    for text in [each.inner_text() for each in cells]:
        # To the cent: both round half a cent.
        assert abs(Decimal(text.removeprefix("$").replace(",", "")) - paid) <= Decimal("0.005")


def test_csv_has_all_generations_that_match(videos: VideosPage, tmp_path: Path) -> None:
    videos.open("?dag_id=many_videos&offset=24")
    with videos.visitor.page.expect_download() as download:
        videos.frame.get_by_role("link", name="Export as CSV").click()
    path = tmp_path / "generations.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["prompt"] for row in rows} == {postcard(number) for number in range(1, 61)}
    assert {row["dag_id"] for row in rows} == {"many_videos"}


@pytest.mark.parametrize("theme", ["light", "dark"])
class TestAccessibility:
    def test_page_has_no_serious_issue(self, visitor: Visit, theme: Literal["light", "dark"]) -> None:
        videos = VideosPage(visitor(VIEWER, color_scheme=theme))
        videos.open()
        expect(videos.tiles).to_have_count(24)
        assert serious_issues(videos.visitor.page.locator("iframe[title=Seedance]")) == []

    def test_tab_has_no_serious_issue(self, visitor: Visit, stage: Stage, theme: Literal["light", "dark"]) -> None:
        tab = VideoTab(visitor(VIEWER, color_scheme=theme))
        for dag_id in ("one_video", "failed_video"):
            tab.open(dag_id, stage.ended(dag_id))
            expect(tab.content).to_contain_text(PROMPTS[dag_id])
            assert serious_issues(tab.visitor.page.locator("iframe[title=Video]")) == []


class TestWithoutMouse:
    def test_filters_and_pages_work_with_keyboard(self, videos: VideosPage) -> None:
        videos.open()
        keyboard = videos.visitor.page.keyboard
        videos.field("DAG").focus()
        keyboard.type("many_videos")
        body = videos.frame.locator("body")
        reached: list[str] = []
        while not reached or reached[-1] != "Prompt contains":
            keyboard.press("Tab")
            # The browser itself marks the parts of a date.
            if body.evaluate("() => document.activeElement.type") != "date":
                assert body.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
            reached.append(body.evaluate("() => document.activeElement.labels[0].firstChild.textContent"))
        assert list(dict.fromkeys(reached)) == ["Model", "Outcome", "From", "To", "Prompt contains"]
        keyboard.type("postcard")
        keyboard.press("Enter")
        videos.expect_range("1-24 of 60")
        for _ in range(3):
            keyboard.press("Tab")
        expect(videos.range.get_by_role("button", name="Next")).to_be_focused()
        keyboard.press("Space")
        videos.expect_range("25-48 of 60")
        keyboard.press("Shift+Tab")
        expect(videos.range.get_by_role("button", name="Previous")).to_be_focused()

    @pytest.mark.parametrize("query", ["", "?dag_id=many_videos", "?dag_id=nothing"])
    def test_phone_needs_no_sideways_scrolling(self, visitor: Visit, query: str) -> None:
        videos = VideosPage(visitor(VIEWER, viewport={"width": 360, "height": 740}))
        for path in (f"seedance/videos{query}", f"{PATH}{query}"):
            videos.visitor.go(path)
            videos.visitor.page.wait_for_load_state("networkidle")
            page = videos.visitor.page.frames[-1 if path.startswith(PATH) else 0]
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
