"""Create, edit and test a connection in the UI; its API key is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from demo.standalone import free_ports
from tests.browser.accounts import OPERATOR
from tests.browser.conftest import Visit
from tests.browser.connections_page import ConnectionsPage
from tests.browser.stage import Stage

WRONG_KEY = "sk-of-somebody-else"


@pytest.fixture
def connections(visitor: Visit) -> ConnectionsPage:
    page = ConnectionsPage(visitor(OPERATOR))
    page.open()
    return page


@pytest.fixture
def other_server() -> Iterator[str]:
    """Return the address of a web server that is not GPTProto."""

    class Welcome(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><title>Welcome</title><h1>It works</h1>")

        def log_message(self, format: str, *values: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Welcome) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fields(url: str, key: str) -> dict[str, str]:
    # Airflow 3.3.2 tests a connection only if its port is set.
    return {"Base URL": url, "API key": key, "Port": str(urlsplit(url).port)}


class TestForm:
    def test_form_shows_only_the_fields_of_the_connection_type(self, connections: ConnectionsPage) -> None:
        connections.begin("seedance_new")
        form = connections.form
        labels = form.get_by_role("region", name="Standard Fields").get_by_role("group").all_inner_texts()
        assert [each.strip() for each in labels] == [
            "Description",
            "Base URL",
            "API key",
            "Port",
            "Scheme (http or https)",
        ]
        assert form.get_by_label("API key").get_attribute("placeholder") == "sk-..."
        for label, example, emulator in (
            ("Base URL", "https://gptproto.com", "http://127.0.0.1:8765"),
            ("Port", "443", "8765"),
            ("Scheme (http or https)", "https", "http"),
        ):
            placeholder = form.get_by_label(label).get_attribute("placeholder") or ""
            assert placeholder.startswith(f"{example} (emulator: {emulator})")
        assert form.get_by_label("API key").get_attribute("type") == "password"

    def test_help_of_each_extra_field_names_its_default(self, connections: ConnectionsPage) -> None:
        connections.begin("seedance_new")
        connections.open_extra_fields()
        for label, help_text in (
            ("Vendor segment", "Default: bytedance."),
            ("Authorization scheme", "Default: the key alone"),
            ("Request timeout (seconds)", "Default: 60."),
            ("Verify TLS", "Default: verify."),
            ("Polls per second", "Default: 20."),
            ("Proxy", "Default: the proxy of the environment variables."),
            ("Ledger", "Default: none."),
            ("Daily budget (USD)", "Default: no limit."),
            ("Monthly budget (USD)", "Default: no limit."),
            ("Time zone of the budgets", "Default: UTC."),
        ):
            expect(connections.extra_row(label)).to_contain_text(help_text)
            expect(connections.extra_field(label)).to_have_value("")
        expect(connections.form.get_by_placeholder("Start typing to see options")).to_have_count(0)

    def test_form_corrects_a_timeout_below_one_second(self, connections: ConnectionsPage) -> None:
        connections.begin("seedance_new")
        connections.fill_extras({"Request timeout (seconds)": "0"})
        expect(connections.extra_field("Request timeout (seconds)")).to_have_value("1")


def test_api_key_survives_an_edit_and_is_never_shown(
    connections: ConnectionsPage, stage: Stage, tmp_path: Path
) -> None:
    key = stage.emulator.api_key
    ledger = (tmp_path / "ledger").as_uri()
    proxy = f"http://127.0.0.1:{free_ports(1)[0]}"
    connections.begin("seedance_form")
    connections.fill(fields(stage.emulator.url, key))
    connections.fill_extras(
        {
            "Vendor segment": "bytedance",
            "Request timeout (seconds)": "15",
            "Polls per second": "7",
            "Verify TLS": "false",
            "Proxy": proxy,
            "Ledger": ledger,
            "Daily budget (USD)": "50",
            "Monthly budget (USD)": "500",
            "Time zone of the budgets": "Europe/Berlin",
        }
    )
    connections.save()
    # Airflow masks the proxy, which may contain a password, as it masks the key.
    filled_in = {
        "vendor": "bytedance",
        "auth_scheme": None,
        "timeout": 15,
        "verify": "false",
        "polls_per_second": 7,
        "proxy": "***",
        "ledger": ledger,
        "daily_budget_usd": 50,
        "monthly_budget_usd": 500,
        "budget_timezone": "Europe/Berlin",
    }
    assert extra(stage, "seedance_form") == filled_in

    connections.open()
    connections.edit("seedance_form")
    expect(connections.form.get_by_label("API key")).to_have_value("***")
    connections.form.get_by_role("button", name="Show value").click()
    pages = [connections.visitor.page.content()]
    connections.fill_extras({"Request timeout (seconds)": "25"})
    connections.save()
    assert extra(stage, "seedance_form") == {**filled_in, "timeout": 25}
    # No server listens at the proxy's address, so the error shows that the edit kept the proxy.
    assert "cannot be reached" in connections.test("seedance_form")

    connections.open()
    connections.edit("seedance_form")
    connections.fill_extras({"Proxy": ""})
    connections.save()
    assert extra(stage, "seedance_form") == {**filled_in, "timeout": 25, "proxy": None}
    notification = connections.test("seedance_form")
    assert "accepts the API key" in notification
    assert f"The ledger {ledger} can be used." in notification
    pages.append(connections.visitor.page.content())
    run_id = stage.start("chosen_connection", connection="seedance_form")
    assert stage.wait_for_end("chosen_connection", run_id) == "success"

    record = connections.visitor.answers()
    answers = [json.dumps(each["response"]) for each in record]
    # The record is complete: it contains the key in a request and the connection in a response.
    assert any(key in json.dumps(each["request"]) for each in record)
    assert any("seedance_form" in each for each in answers)
    assert [each for each in (*pages, *answers) if key in each] == []


class TestTestButton:
    def test_button_accepts_the_right_key(self, connections: ConnectionsPage, stage: Stage) -> None:
        connections.add("seedance_right", fields(stage.emulator.url, stage.emulator.api_key))
        notification = connections.test("seedance_right")
        assert notification.splitlines() == ["Test Connection Successful", f"{stage.emulator.url} accepts the API key"]

    def test_button_reports_a_wrong_key(self, connections: ConnectionsPage, stage: Stage) -> None:
        connections.add("seedance_wrong", fields(stage.emulator.url, WRONG_KEY))
        notification = connections.test("seedance_wrong")
        assert notification.startswith("Test Connection Failed")
        assert f"{stage.emulator.url} answers, but refuses the API key" in notification
        assert WRONG_KEY not in notification

    def test_button_reports_an_unreachable_server(self, connections: ConnectionsPage) -> None:
        url = f"http://127.0.0.1:{free_ports(1)[0]}"
        connections.add("seedance_nobody", fields(url, WRONG_KEY))
        notification = connections.test("seedance_nobody")
        assert notification.startswith("Test Connection Failed")
        assert f"{url} cannot be reached" in notification
        assert WRONG_KEY not in notification

    def test_button_reports_plain_http_without_a_scheme(self, connections: ConnectionsPage, stage: Stage) -> None:
        url = stage.emulator.url
        connections.add("seedance_plain", {**fields(url, WRONG_KEY), "Base URL": url.removeprefix("http://")})
        notification = connections.test("seedance_plain")
        assert notification.startswith("Test Connection Failed")
        assert f"for a server of plain HTTP set the connection's host to {url}" in notification

    def test_button_reports_a_server_other_than_gptproto(self, connections: ConnectionsPage, other_server: str) -> None:
        connections.add("seedance_else", fields(other_server, WRONG_KEY))
        notification = connections.test("seedance_else")
        assert notification.startswith("Test Connection Failed")
        assert f"{other_server} answers 200, but not as GPTProto does; check the base URL" in notification
        assert WRONG_KEY not in notification


def extra(stage: Stage, connection_id: str) -> object:
    return json.loads(stage.airflow.api.get(f"connections/{connection_id}")["extra"])
