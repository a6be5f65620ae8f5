"""The request for a decision in the example, on its page in Airflow: links and text."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.accounts import OPERATOR
from tests.browser.conftest import Visit
from tests.browser.stage import REVIEW, Stage
from tests.browser.visitors import Visitor

PROMPT = "A kite.\n\n![spy](https://spy.example/x.png)\n[spy](https://spy.example/)"


@pytest.fixture
def run_id(stage: Stage) -> Iterator[str]:
    """Return a run of the example that waits for its first review."""
    with stage.waiting_review(PROMPT) as run_id:
        yield run_id


def test_request_leads_to_the_video_below_any_base_url(visitor: Visit, run_id: str, second_server: str) -> None:
    check_request(visitor(OPERATOR), run_id)
    # This server has a path.
    check_request(visitor(OPERATOR, url=second_server), run_id)


def check_request(user: Visitor, run_id: str) -> None:
    tasks = f"{user.url}/dags/{REVIEW}/runs/{quote(run_id)}/tasks"
    user.page.goto(f"{tasks}/take_1.review/required_actions")
    for option in ("Publish", "Another take", "Reject"):
        expect(user.page.get_by_text(option, exact=True).first).to_be_visible()
    # The prompt is text.
    expect(user.page.get_by_text("![spy](https://spy.example/x.png)")).to_be_visible()
    assert user.page.locator("[src*='spy.example'], [href*='spy.example']").count() == 0

    tab = f"{tasks}/take_1.make_video/plugin/seedance-video"
    links = user.page.get_by_role("link", name="Watch the video").all()
    assert {each.evaluate("link => link.href") for each in links} == {tab}
    [poster] = user.page.get_by_role("img", name="Watch the video").all()
    address = f"{user.url}/seedance/stored?dag_id={REVIEW}&run_id={quote(run_id)}&task_id=take_1.keep_draft&poster=true"
    assert poster.evaluate("image => image.src") == address
    # The frame of 720p at 16:9.
    expect(poster).to_have_js_property("naturalWidth", 1280)

    user.page.goto(tab)
    video = user.page.frame_locator("iframe[title=Video]").get_by_label("Video 1", exact=True)
    expect(video).not_to_have_js_property("readyState", 0)
