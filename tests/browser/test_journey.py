"""The first steps of a new user, from an Airflow without a connection to a playing video."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.accounts import OPERATOR
from tests.browser.conftest import Visit
from tests.browser.connections_page import ConnectionsPage
from tests.browser.stage import EXAMPLE, Stage
from tests.browser.video_tab import VideoTab


def test_new_user_creates_connection_runs_example_and_plays_video(visitor: Visit, stage: Stage) -> None:
    user = visitor(OPERATOR)
    connections = ConnectionsPage(user)
    connections.open()
    url = stage.emulator.url
    connections.add(
        "seedance_default", {"Base URL": url, "API key": stage.emulator.api_key, "Port": str(urlsplit(url).port)}
    )
    assert "accepts the API key" in connections.test("seedance_default")

    stage.airflow.wait_for_dag(EXAMPLE)
    user.go(f"dags/{EXAMPLE}")
    user.page.get_by_role("button", name="Trigger Dag").click()
    user.page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    user.page.wait_for_url(re.compile(r"/runs/[^/]+"))
    user.page.get_by_role("table").get_by_role("link", name="make_video").click()
    tab = VideoTab(user)
    user.page.get_by_role("link", name="Video", exact=True).click()
    expect(tab.content).to_contain_text("waiting for")
    tab.play()
