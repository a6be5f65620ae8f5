"""Tests of the command line: start, shutdown, ledger file and invalid arguments."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from airflow_provider_seedance.emulator.__main__ import main
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import address_of, listen
from tests.unit.emulator.api_client import FAST, KEY


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Emulator]]:
    """Start an emulator process on a free port, wait for its URL, and terminate it at the end."""
    command = [sys.executable, "-m", "airflow_provider_seedance.emulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            first_line = process.stdout.readline()
            prefix, _, url = first_line.strip().rpartition(" ")
            assert prefix == "Emulating GPTProto at", first_line
            yield process, Emulator(url, KEY)
        finally:
            process.terminate()


def submit(emulator: Emulator, key: str = KEY) -> httpx.Response:
    url = f"{emulator.url}/api/v3/bytedance/{FAST}/text-to-video"
    return httpx.post(url, json={"prompt": "A fox"}, headers={"Authorization": key}, trust_env=False)


class TestProcess:
    @pytest.fixture(autouse=True)
    def _temporary_directory_of_the_process(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))

    @pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda stop: stop.name)
    def test_process_prints_its_url_and_exits_with_0_on_a_signal(self, stop: signal.Signals) -> None:
        with started() as (process, emulator):
            host, port = urlsplit(emulator.url).hostname, urlsplit(emulator.url).port
            emulator.fault(endpoint="models", latency=600)
            # A delayed response must not block the shutdown.
            with socket.create_connection((host, port)) as waiting:
                waiting.sendall(b"GET /v1/models HTTP/1.1\r\nHost: emulator\r\n\r\n")
                while emulator.faults():
                    pass
                process.send_signal(stop)
                output, errors = process.communicate(timeout=60)
                assert waiting.recv(100) == b""
        assert (process.returncode, output, errors) == (0, "", "")
        with listen("127.0.0.1", port or 0) as listener:
            assert address_of(listener) == emulator.url

    def test_ledger_survives_a_killed_process(self, tmp_path: Path) -> None:
        ledger = str(tmp_path / "ledger.jsonl")
        with started("--ledger", ledger, "--seconds-running", "0") as (process, emulator):
            prediction_id = submit(emulator).json()["data"]["id"]
            result = f"/api/v3/predictions/{prediction_id}/result"
            httpx.get(f"{emulator.url}{result}", headers={"Authorization": KEY}, trust_env=False)
            before = emulator.ledger()
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
        with started("--ledger", ledger) as (_, emulator):
            (entry,) = emulator.ledger()
            assert (entry["id"], entry["polls"]) == (prediction_id, 1)
            assert entry["parameters"] == before[0]["parameters"]
            response = httpx.get(f"{emulator.url}{result}", headers={"Authorization": KEY}, trust_env=False)
            assert response.json()["data"]["id"] == prediction_id

    def test_arguments_set_the_settings(self) -> None:
        arguments = (
            "--api-key=sk-one --api-key=sk-two --seconds-created=1 --seconds-queued=2 --seconds-running=3 "
            "--requests-per-second=100 --submissions-per-second=50 --link-seconds=60 --public-url=http://videos.example"
        )
        with started(*arguments.split()) as (_, emulator):
            assert emulator.settings() == {
                "seconds_created": 1,
                "seconds_queued": 2,
                "seconds_running": 3,
                "requests_per_second": 100,
                "submissions_per_second": 50,
                "link_seconds": 60,
                "public_url": "http://videos.example",
                "api_keys": 2,
            }
            assert [submit(emulator, key).status_code for key in ("sk-one", "sk-two", KEY)] == [200, 200, 401]


class TestStartError:
    @pytest.mark.parametrize(
        ("module", "package"), [("av", "av"), ("PIL", "pillow"), ("starlette", "starlette"), ("uvicorn", "uvicorn")]
    )
    def test_missing_extra_is_named(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        module: str,
        package: str,
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        assert main(["--port", "0"]) == 1
        assert capsys.readouterr().err == (
            f"The emulator needs {package}: install airflow-provider-seedance[emulator]\n"
        )

    def test_used_port_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        with listen("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            assert main(["--port", str(port)]) == 1
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert f"('127.0.0.1', {port})" in errors

    def test_unwritable_ledger_prints_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--port", "0", "--ledger", "no-such-folder/ledger"]) == 1
        errors = capsys.readouterr().err
        assert errors.startswith("The emulator cannot start: ")
        assert errors.count("\n") == 1

    def test_file_that_is_not_a_ledger_is_unchanged(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        notes = tmp_path / "notes.txt"
        notes.write_text("Buy milk\n")
        assert main(["--port", "0", "--ledger", str(notes)]) == 1
        assert "notes.txt is not a ledger" in capsys.readouterr().err
        assert notes.read_text() == "Buy milk\n"

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            (["--port", "http"], "--port"),
            (["--port", "65536"], "--port"),
            (["--port=-1"], "--port"),
            (["--seconds-running", "-1"], "seconds_running"),
            (["--seconds-running", "nan"], "seconds_running"),
            (["--requests-per-second", "0"], "requests_per_second"),
            (["--public-url", "videos.example.com"], "public_url"),
            (["--api-key", ""], "api_keys"),
            (["--colour"], "--colour"),
        ],
    )
    def test_invalid_argument_is_named(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], name: str
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert name in capsys.readouterr().err
