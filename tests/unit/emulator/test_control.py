"""The control API: settings, the record of requests, leaked keys, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from tests.unit.emulator.customer import KEY, Customer

SECOND_KEY = "sk-of-another-customer"


class TestSettings:
    def test_are_shown_without_the_keys(self, emulator: Emulator) -> None:
        emulator.settings(api_keys=[KEY, SECOND_KEY])
        settings = emulator.settings()
        assert settings["api_keys"] == 2
        assert SECOND_KEY not in str(settings)

    def test_change_by_name_and_the_rest_stays(self, emulator: Emulator) -> None:
        before = emulator.settings()
        assert emulator.settings(seconds_queued=7) == {**before, "seconds_queued": 7}

    def test_can_take_another_key(self, customer: Customer) -> None:
        customer.emulator.settings(api_keys=[SECOND_KEY])
        assert customer.submit().status_code == 401
        answer = customer.http.get("/v1/models", headers={"Authorization": SECOND_KEY})
        assert answer.status_code == 200

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
    def test_with_a_wrong_value_are_refused_as_a_whole(self, emulator: Emulator, name: str, value: Any) -> None:
        before = emulator.settings()
        with pytest.raises(ValueError, match=f"^{name}:"):
            emulator.settings(seconds_queued=99, **{name: value})
        assert emulator.settings() == before

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    def test_are_finite_numbers(self, customer: Customer, number: str) -> None:
        answer = customer.keyless.post("/_emulator/settings", content=f'{{"seconds_running": {number}}}')
        assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (400, "seconds_running")


class TestRefusals:
    @pytest.mark.parametrize("name", ["faults", "settings", "stop-answering"])
    @pytest.mark.parametrize("content", [b"", b"{", b'"text"', b"5", b"null"])
    def test_of_anything_that_is_no_proper_json(self, customer: Customer, name: str, content: bytes) -> None:
        answer = customer.keyless.post(f"/_emulator/{name}", content=content)
        assert answer.status_code == 400
        assert "JSON" in answer.json()["error"]

    def test_of_a_single_fault_outside_a_list(self, customer: Customer) -> None:
        answer = customer.keyless.post("/_emulator/faults", json={"endpoint": "submit", "status": 500})
        assert (answer.status_code, answer.json()["error"]) == (400, "a JSON list of faults is required")

    def test_of_one_bad_fault_are_of_all(self, emulator: Emulator) -> None:
        with pytest.raises(ValueError, match="endpoint"):
            emulator.faults([{"endpoint": "submit", "status": 500}, {"endpoint": "nowhere", "status": 500}])
        assert emulator.faults() == []

    @pytest.mark.parametrize(
        "content", ["{}", '{"seconds": "3"}', '{"seconds": -1}', '{"seconds": true}', '{"seconds": NaN}']
    )
    def test_of_a_silence_without_a_length(self, customer: Customer, content: str) -> None:
        answer = customer.keyless.post("/_emulator/stop-answering", content=content)
        assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (400, "seconds")

    def test_of_a_path_that_does_not_exist(self, customer: Customer) -> None:
        assert customer.keyless.get("/_emulator/bills").status_code == 404


class TestFaults:
    def test_are_listed_and_dropped(self, emulator: Emulator, customer: Customer) -> None:
        emulator.fault(endpoint="submit", status=500, times=None)
        emulator.fault(endpoint="result", drop="before")
        assert [each["endpoint"] for each in emulator.faults()] == ["submit", "result"]
        emulator.clear_faults()
        assert emulator.faults() == []
        assert customer.submit().status_code == 200


class TestReset:
    def test_forgets_everything(self, emulator: Emulator, customer: Customer) -> None:
        emulator.settings(seconds_running=60, requests_per_second=0.001)
        prediction_id = customer.book()
        emulator.fault(endpoint="result", status=500)
        emulator.stop_answering(60)
        emulator.reset()
        assert (emulator.ledger(), emulator.faults(), emulator.requests(), emulator.leaks()) == ([], [], [], [])
        assert emulator.settings()["seconds_running"] == 3
        assert customer.ask(prediction_id).status_code == 404


class TestRecordOfRequests:
    def test_lists_them_in_order_with_their_answers(self, customer: Customer) -> None:
        prediction_id = customer.book()
        customer.wait(5)
        customer.ask(prediction_id)
        customer.ask("unknown")
        submitted, asked, refused = customer.emulator.requests()
        assert (submitted["method"], submitted["status"]) == ("POST", 200)
        assert submitted["path"].endswith("/text-to-video")
        assert (asked["method"], asked["status"]) == ("GET", 200)
        assert asked["path"] == f"/api/v3/predictions/{prediction_id}/result"
        assert asked["time"] == submitted["time"] + 5
        assert refused["status"] == 404

    def test_tells_whether_a_key_came_and_never_which(self, customer: Customer) -> None:
        customer.submit()
        customer.keyless.get("/v1/models")
        with_key, without_key = customer.emulator.requests()
        assert (with_key["key"], without_key["key"]) == (True, False)
        assert "authorization" in with_key["headers"]
        assert KEY not in str(customer.emulator.requests())

    def test_names_the_program_that_asked(self, customer: Customer) -> None:
        customer.http.get("/v1/models", headers={"User-Agent": "a-client/1.0"})
        assert customer.emulator.requests()[0]["user_agent"] == "a-client/1.0"

    def test_leaves_the_control_api_out(self, emulator: Emulator) -> None:
        emulator.settings()
        assert emulator.requests() == []


class TestLeaks:
    def test_are_none_when_keys_go_where_they_belong(self, customer: Customer) -> None:
        link = customer.link_to_video()
        customer.keyless.get(link)
        assert customer.emulator.leaks() == []

    @pytest.mark.parametrize("sent", [KEY, f"Bearer {KEY}", "sk-of-someone-else"])
    def test_are_keys_sent_to_an_output_link(self, customer: Customer, sent: str) -> None:
        link = customer.link_to_video()
        customer.http.get(link, headers={"Authorization": sent})
        (leak,) = customer.emulator.leaks()
        assert "output link" in leak["what"]
        assert link.endswith(leak["path"])

    @pytest.mark.parametrize("path", [f"/v1/models?key={KEY}", f"/api/v3/predictions/{KEY}/result"])
    def test_are_keys_in_an_address(self, customer: Customer, path: str) -> None:
        customer.http.get(path)
        (leak,) = customer.emulator.leaks()
        assert "address" in leak["what"]

    @pytest.mark.parametrize("header", ["Referer", "X-Api-Key", "Cookie"])
    def test_are_keys_in_other_headers(self, customer: Customer, header: str) -> None:
        customer.http.get("/v1/models", headers={header: f"something={KEY}"})
        (leak,) = customer.emulator.leaks()
        assert header.lower() in leak["what"]

    def test_are_keys_that_were_good_once(self, customer: Customer) -> None:
        customer.emulator.settings(api_keys=["sk-withdrawn"])
        customer.emulator.settings(api_keys=[KEY])
        customer.keyless.get("/v1/models?key=sk-withdrawn")
        assert len(customer.emulator.leaks()) == 1

    def test_are_told_without_the_key(self, customer: Customer) -> None:
        customer.http.get(f"/api/v3/predictions/{KEY}/result")
        customer.submit(prompt=f"A fox holds a sign: {KEY}")
        shown = [customer.keyless.get(f"/_emulator/{name}").text for name in ("leaks", "requests", "ledger")]
        assert KEY not in "".join(shown)
        assert all("***" in text for text in shown)
