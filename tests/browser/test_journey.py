"""A newcomer's way, from an Airflow without any connection to a video that plays."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.connections_page import ConnectionsPage
from tests.browser.people import OPERATOR
from tests.browser.stage import EXAMPLE, Stage
from tests.browser.video_tab import VideoTab


def test_connection_then_example_then_video(visitor: Visit, stage: Stage) -> None:
    newcomer = visitor(OPERATOR)
    connections = ConnectionsPage(newcomer)
    connections.open()
    url = stage.emulator.url
    connections.add(
        "seedance_default", {"Base URL": url, "API key": stage.emulator.api_key, "Port": str(urlsplit(url).port)}
    )
    assert "accepts the API key" in connections.test("seedance_default")

    stage.airflow.wait_for_dag(EXAMPLE)
    newcomer.go(f"dags/{EXAMPLE}")
    newcomer.page.get_by_role("button", name="Trigger Dag").click()
    newcomer.page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    newcomer.page.wait_for_url(re.compile(r"/runs/[^/]+"))
    newcomer.page.get_by_role("table").get_by_role("link", name="make_video").click()
    tab = VideoTab(newcomer)
    newcomer.page.get_by_role("link", name="Video", exact=True).click()
    expect(tab.content).to_contain_text("waiting for")
    tab.play()
