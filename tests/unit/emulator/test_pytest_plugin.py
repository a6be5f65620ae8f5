"""Tests of the pytest plugin."""

from __future__ import annotations

import json
import os
import sys

import httpx
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.times import expected_seconds

pytest_plugins = ["pytester"]

PLUGIN = "airflow_provider_seedance.emulator.pytest_plugin"
#: Disables plugins that the inner pytest does not need; hypothesis alone takes a second.
ARGUMENTS = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:randomly")


class TestFixture:
    def test_fixture_sets_the_default_connection(self, seedance_emulator: Emulator) -> None:
        connection = json.loads(os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"])
        assert connection == {
            "conn_type": "seedance",
            "host": seedance_emulator.url,
            "password": seedance_emulator.api_key,
            # The project's own tests override the fixture of the ledger.
            "extra": {"ledger": None},
        }
        response = httpx.get(
            f"{connection['host']}/v1/models", headers={"Authorization": connection["password"]}, trust_env=False
        )
        assert response.status_code == 200

    @pytest.mark.usefixtures("seedance_emulator")
    def test_fixture_shortens_the_poll_interval(self) -> None:
        expected = expected_seconds("seedance-2-5", "720p", 30)
        wait = Poller(prediction_id="a", submitted_at=0.0, deadline=3_600.0, expected_seconds=expected)
        assert wait.first_poll(0.0).seconds < 1
        assert wait.first_poll(1.0).seconds < 0.1

    def test_repr_does_not_contain_the_key(self, seedance_emulator: Emulator) -> None:
        assert seedance_emulator.api_key not in repr(seedance_emulator)

    def test_control_api_ignores_a_proxy(self, seedance_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert Emulator(seedance_emulator.url, seedance_emulator.api_key).ledger() == []


class TestPlugin:
    def test_plugin_resets_one_server_for_each_test(self, pytester: pytest.Pytester) -> None:
        pytester.makeconftest(f"pytest_plugins = ['{PLUGIN}']")
        pytester.makepyfile(
            """
            import os
            import httpx

            urls = set()


            def check(emulator):
                assert emulator.ledger() == emulator.faults() == []
                assert emulator.settings()["seconds_running"] < 1
                assert emulator.url in os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"]
                urls.add(emulator.url)
                httpx.post(
                    f"{emulator.url}/api/v3/bytedance/seedance-2-0-fast/text-to-video",
                    json={"prompt": "A fox"},
                    headers={"Authorization": emulator.api_key},
                    trust_env=False,
                )
                assert len(emulator.ledger()) == 1
                emulator.fault(endpoint="result", status=500)
                emulator.settings(seconds_running=60)


            def test_one(seedance_emulator):
                check(seedance_emulator)


            def test_another(seedance_emulator):
                check(seedance_emulator)


            def test_without():
                assert "AIRFLOW_CONN_SEEDANCE_DEFAULT" not in os.environ
                assert len(urls) == 1
            """
        )
        pytester.runpytest_inprocess(*ARGUMENTS).assert_outcomes(passed=3)

    def test_missing_extra_is_named(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        pytester.makeconftest(f"pytest_plugins = ['{PLUGIN}']")
        pytester.makepyfile("def test_one(seedance_emulator): pass")
        monkeypatch.setitem(sys.modules, "av", None)
        result = pytester.runpytest_inprocess(*ARGUMENTS)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*The emulator needs av: install airflow-provider-seedance[[]emulator[]]*"])
