"""Tests of the control API: settings, request records, leaked keys and invalid requests."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from tests.unit.emulator.api_client import KEY, ApiClient

SECOND_KEY = "sk-of-another-customer"
JSON = {"Content-Type": "application/json"}


class TestSettings:
    def test_settings_do_not_show_the_keys(self, emulator: Emulator) -> None:
        emulator.settings(api_keys=[KEY, SECOND_KEY])
        settings = emulator.settings()
        assert settings["api_keys"] == 2
        assert SECOND_KEY not in str(settings)

    def test_changing_one_setting_keeps_the_others(self, emulator: Emulator) -> None:
        before = emulator.settings()
        assert emulator.settings(seconds_queued=7) == {**before, "seconds_queued": 7}

    def test_settings_change_the_accepted_keys(self, client: ApiClient) -> None:
        client.emulator.settings(api_keys=[SECOND_KEY])
        assert client.submit().status_code == 401
        response = client.http.get("/v1/models", headers={"Authorization": SECOND_KEY})
        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("seconds_running", -1),
            ("seconds_running", "3"),
            ("seconds_running", None),
            ("seconds_created", True),
            ("link_seconds", -1),
            ("requests_per_second", 0),
            ("submissions_per_second", "many"),
            ("public_url", "videos.example.com"),
            ("public_url", 5),
            ("api_keys", "sk-emulator"),
            ("api_keys", [""]),
            ("api_keys", [5]),
            ("seconds_paused", 1),
        ],
    )
    def test_invalid_value_changes_no_setting(self, emulator: Emulator, name: str, value: Any) -> None:
        before = emulator.settings()
        with pytest.raises(ValueError, match=f"^{name}:"):
            emulator.settings(seconds_queued=99, **{name: value})
        assert emulator.settings() == before

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    def test_numbers_must_be_finite(self, client: ApiClient, number: str) -> None:
        response = client.keyless.post("/_emulator/settings", content=f'{{"seconds_running": {number}}}', headers=JSON)
        assert (response.status_code, response.json()["error"].partition(":")[0]) == (400, "seconds_running")


class TestControlErrors:
    @pytest.mark.parametrize("name", ["faults", "settings", "stop-answering"])
    @pytest.mark.parametrize("content", [b"", b"{", b'"text"', b"5", b"null"])
    def test_invalid_json_is_refused(self, client: ApiClient, name: str, content: bytes) -> None:
        response = client.keyless.post(f"/_emulator/{name}", content=content, headers=JSON)
        assert response.status_code == 400
        assert "JSON" in response.json()["error"]

    def test_single_fault_outside_a_list_is_refused(self, client: ApiClient) -> None:
        response = client.keyless.post("/_emulator/faults", json={"endpoint": "submit", "status": 500})
        assert (response.status_code, response.json()["error"]) == (400, "a JSON list of faults is required")

    def test_invalid_fault_refuses_the_whole_list(self, emulator: Emulator) -> None:
        with pytest.raises(ValueError, match="endpoint"):
            emulator.faults([{"endpoint": "submit", "status": 500}, {"endpoint": "nowhere", "status": 500}])
        assert emulator.faults() == []

    @pytest.mark.parametrize(
        "content", ["{}", '{"seconds": "3"}', '{"seconds": -1}', '{"seconds": true}', '{"seconds": NaN}']
    )
    def test_stop_answering_requires_seconds(self, client: ApiClient, content: str) -> None:
        response = client.keyless.post("/_emulator/stop-answering", content=content, headers=JSON)
        assert (response.status_code, response.json()["error"].partition(":")[0]) == (400, "seconds")

    def test_unknown_path_is_404(self, client: ApiClient) -> None:
        assert client.keyless.get("/_emulator/bills").status_code == 404


class TestFaults:
    def test_faults_are_listed_and_removed(self, emulator: Emulator, client: ApiClient) -> None:
        emulator.fault(endpoint="submit", status=500, times=None)
        emulator.fault(endpoint="result", drop="before")
        assert [each["endpoint"] for each in emulator.faults()] == ["submit", "result"]
        emulator.clear_faults()
        assert emulator.faults() == []
        assert client.submit().status_code == 200


class TestReset:
    def test_reset_deletes_all_state(self, emulator: Emulator, client: ApiClient) -> None:
        emulator.settings(seconds_running=60, requests_per_second=0.001)
        prediction_id = client.book()
        emulator.fault(endpoint="result", status=500)
        emulator.stop_answering(60)
        emulator.reset()
        assert (emulator.ledger(), emulator.faults(), emulator.requests(), emulator.leaks()) == ([], [], [], [])
        assert emulator.settings()["seconds_running"] == 3
        assert client.get_result(prediction_id).status_code == 404


class TestRequestRecords:
    def test_requests_are_recorded_in_order_with_their_status(self, client: ApiClient) -> None:
        prediction_id = client.book()
        client.advance(5)
        client.get_result(prediction_id)
        client.get_result("unknown")
        submitted, polled, unknown = client.emulator.requests()
        assert (submitted["method"], submitted["status"]) == ("POST", 200)
        assert submitted["path"].endswith("/text-to-video")
        assert (polled["method"], polled["status"]) == ("GET", 200)
        assert polled["path"] == f"/api/v3/predictions/{prediction_id}/result"
        assert polled["time"] == submitted["time"] + 5
        assert unknown["status"] == 404

    def test_record_contains_the_presence_of_a_key_but_not_the_key(self, client: ApiClient) -> None:
        client.submit()
        client.keyless.get("/v1/models")
        with_key, without_key = client.emulator.requests()
        assert (with_key["key"], without_key["key"]) == (True, False)
        assert "authorization" in with_key["headers"]
        assert KEY not in str(client.emulator.requests())

    def test_record_contains_the_user_agent(self, client: ApiClient) -> None:
        client.http.get("/v1/models", headers={"User-Agent": "a-client/1.0"})
        assert client.emulator.requests()[0]["user_agent"] == "a-client/1.0"

    def test_control_requests_are_not_recorded(self, emulator: Emulator) -> None:
        emulator.settings()
        assert emulator.requests() == []


class TestLeaks:
    def test_correct_use_of_a_key_is_no_leak(self, client: ApiClient) -> None:
        link = client.video_link()
        client.keyless.get(link)
        assert client.emulator.leaks() == []

    @pytest.mark.parametrize("sent", [KEY, f"Bearer {KEY}", "sk-of-someone-else"])
    def test_key_sent_to_an_output_link_is_a_leak(self, client: ApiClient, sent: str) -> None:
        link = client.video_link()
        client.http.get(link, headers={"Authorization": sent})
        (leak,) = client.emulator.leaks()
        assert "output link" in leak["what"]
        assert link.endswith(leak["path"])

    @pytest.mark.parametrize("path", [f"/v1/models?key={KEY}", f"/api/v3/predictions/{KEY}/result"])
    def test_key_in_a_url_is_a_leak(self, client: ApiClient, path: str) -> None:
        client.http.get(path)
        (leak,) = client.emulator.leaks()
        assert "address" in leak["what"]

    @pytest.mark.parametrize("header", ["Referer", "X-Api-Key", "Cookie"])
    def test_key_in_another_header_is_a_leak(self, client: ApiClient, header: str) -> None:
        client.http.get("/v1/models", headers={header: f"something={KEY}"})
        (leak,) = client.emulator.leaks()
        assert header.lower() in leak["what"]

    def test_formerly_accepted_key_in_a_url_is_a_leak(self, client: ApiClient) -> None:
        client.emulator.settings(api_keys=["sk-withdrawn"])
        client.emulator.settings(api_keys=[KEY])
        client.keyless.get("/v1/models?key=sk-withdrawn")
        assert len(client.emulator.leaks()) == 1

    def test_control_responses_do_not_contain_the_key(self, client: ApiClient) -> None:
        client.http.get(f"/api/v3/predictions/{KEY}/result")
        client.submit(prompt=f"A fox holds a sign: {KEY}")
        texts = [client.keyless.get(f"/_emulator/{name}").text for name in ("leaks", "requests", "ledger")]
        assert KEY not in "".join(texts)
        assert all("***" in text for text in texts)


class TestWebPages:
    """A page in a browser on this host can send requests to the emulator: it must not control it."""

    @pytest.mark.parametrize("name", ["reset", "settings", "faults", "stop-answering"])
    @pytest.mark.parametrize(
        "kind",
        [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"],
    )
    def test_post_requires_json(self, client: ApiClient, name: str, kind: str | None) -> None:
        booked = client.book()
        content = {"faults": "[]", "stop-answering": '{"seconds": 9}'}.get(name, "{}")
        headers = {} if kind is None else {"Content-Type": kind}
        response = client.keyless.post(f"/_emulator/{name}", content=content, headers=headers)
        assert response.status_code == 415
        assert "application/json" in response.json()["error"]
        assert [each["id"] for each in client.emulator.ledger()] == [booked]

    def test_type_may_have_a_charset(self, client: ApiClient) -> None:
        headers = {"Content-Type": "Application/JSON ; charset=utf-8"}
        assert client.keyless.post("/_emulator/faults", content="[]", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("method", "name"), [("GET", "ledger"), ("GET", "settings"), ("POST", "settings"), ("DELETE", "faults")]
    )
    @pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "[", "a.b@c.d"])
    def test_name_of_the_internet_is_refused(self, client: ApiClient, method: str, name: str, host: str) -> None:
        response = client.keyless.request(
            method, f"/_emulator/{name}", content="{}" if method == "POST" else None, headers={**JSON, "Host": host}
        )
        assert response.status_code == 403
        assert "Host" in response.json()["error"]

    @pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1", "[::1]:8765", "192.168.0.7:8765", "emulator:8765"])
    def test_address_and_name_of_the_local_network_are_accepted(self, client: ApiClient, host: str) -> None:
        assert client.keyless.get("/_emulator/ledger", headers={"Host": host}).status_code == 200

    def test_api_takes_any_host(self, client: ApiClient) -> None:
        assert client.http.get("/v1/models", headers={"Host": "gptproto.example"}).status_code == 200
