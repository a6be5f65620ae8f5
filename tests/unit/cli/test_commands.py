"""The commands: what they print, and with which code they exit."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.__main__ import main
from airflow_provider_seedance.cli.output import progress
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from tests.conftest import EXAMPLE_DAGS
from tests.specification import read_table
from tests.warm_python import WarmProcess

FAST = "doubao-seedance-2-0-fast-260128"
KEY = "sk-emulator"
BROKEN = """
from airflow.sdk import DAG
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

with DAG("broken_dag", schedule=None):
    SeedanceTextToVideoOperator(task_id="make_video", prompt="A tram", duration=99)
"""
ROWS = """
from airflow.sdk import DAG
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

print("parsed")
with DAG("mapped_dag", schedule=None):
    SeedanceTextToVideoOperator.partial(task_id="make_video").expand(prompt=["A tram"], duration=[4, 99, 15])
"""


@pytest.fixture(autouse=True)
def _process_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")


class Ran:
    """What a command printed, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code: Any = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            self.code = ended.code
        self.out, self.err = capsys.readouterr()
        assert KEY not in self.out + self.err

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *arguments: Ran(capsys, *arguments)


class TestModels:
    def test_all_models_with_their_list_prices(self, run: Any) -> None:
        shown = {row["model"]: row for row in run("models", "-o", "json").json()}
        documented = {row["id"]: row for row in read_table("models")}
        assert set(shown) == set(documented)
        for model, row in documented.items():
            prices = [None] * 3 if row["prices"] == "-" else [float(price) for price in row["prices"].split()]
            assert shown[model]["usd_per_second"] == dict(zip(row["resolutions"].split(), prices, strict=True))
            assert shown[model]["seconds"] == row["duration"].replace(" ~ ", "-")
            assert (shown[model]["retired"] is None) == (row["current"] == "yes")

    @pytest.mark.parametrize("output", ["table", "plain", "yaml", "csv"])
    def test_every_format_shows_each_model(self, run: Any, output: str) -> None:
        shown = run("models", "--output", output).out
        assert all(row["id"] in shown for row in read_table("models"))

    def test_csv_has_a_header_and_a_line_for_each_model(self, run: Any) -> None:
        rows = list(csv.DictReader(io.StringIO(run("models", "-o", "csv").out)))
        assert [row["model"] for row in rows] == [row["id"] for row in read_table("models")]

    def test_unknown_format_is_wrong_usage(self, run: Any) -> None:
        assert run("models", "-o", "xml").code == 2


class TestPipes:
    @pytest.mark.parametrize("arguments", ["models -o json", "models -o table", "price --duration 99"])
    @pytest.mark.parametrize("has_stderr", [False, True])
    def test_command_ends_without_a_traceback_once_the_reader_is_gone(self, arguments: str, has_stderr: bool) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with TemporaryFile("w+") as file:
            command = ["airflow_provider_seedance", *arguments.split()]
            stderr = writer if has_stderr else file.fileno()
            code = WarmProcess(*command, stdout=writer, stderr=stderr).wait()
            file.seek(0)
            errors = file.read()
        os.close(writer)
        assert code == 1
        assert not re.search("Traceback|BrokenPipe", errors)

    def test_command_may_have_no_output(self) -> None:
        command = f'"{sys.executable}" -m airflow_provider_seedance models >&-'
        ran = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S602
        assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)


class TestPrice:
    def test_price_of_the_defaults(self, run: Any) -> None:
        # The page: 5 s, 720p, 1280x720. The price list: 0.0998 USD per second.
        ran = run("price", "-o", "json")
        shown = ran.json()
        assert ran.code == 0
        assert (shown["model"], shown["duration"], shown["resolution"]) == (FAST, 5, "720p")
        assert (shown["frame_size"], shown["estimate_usd"], shown["highest_usd"]) == ("1280x720", 0.499, 0.499)

    def test_reference_clips_raise_the_highest_price(self, run: Any) -> None:
        shown = run("price", "--videos", "https://example.com/a.mp4", "-o", "json").json()
        assert shown["mode"] == "reference-to-video"
        assert shown["highest_usd"] > shown["estimate_usd"] == 0.499

    @pytest.mark.parametrize("mode", ["text-to-video", "image-to-video", "reference-to-video"])
    def test_prompt_and_media_are_not_needed(self, run: Any, mode: str) -> None:
        shown = run("price", "--mode", mode, "--duration", "4", "-o", "json").json()
        assert (shown["mode"], shown["highest_usd"]) == (mode, 0.3992)

    def test_every_refusal_is_named_and_the_code_is_1(self, run: Any) -> None:
        ran = run("price", "--duration", "99", "--resolution", "1080p", "--seed", "-5")
        assert ran.code == 1
        assert ran.out == ""
        refused = [line.split(":")[1].strip() for line in ran.err.splitlines()]
        assert sorted(refused) == ["duration", "resolution", "seed"]

    def test_refusals_of_the_catalogue_can_be_warnings(self, run: Any) -> None:
        ran = run("price", "--duration", "99", "--validation", "warn")
        assert ran.code == 0
        assert "Warning: duration: 99" in ran.err

    def test_flag_in_the_prompt_of_seedance_1_leaves_no_limit(self, run: Any) -> None:
        ran = run("price", "--model", "seedance-1-0-pro", "--prompt", "A tram --dur 12", "-o", "json")
        assert ran.json()["highest_usd"] is None
        assert "--dur" in ran.err

    def test_unknown_mode_is_refused(self, run: Any) -> None:
        assert run("price", "--mode", "film").code == 1

    def test_values_are_no_markup(self, run: Any) -> None:
        assert "[bold]x[/bold]" in run("price", "--prompt", "[bold]x[/bold]").out


class TestCheckDag:
    def test_example_dag(self, run: Any) -> None:
        ran = run("check", "seedance_retries_and_clears", "-o", "json")
        assert ran.code == 0
        # Four tasks of 4 s in 480p at 0.0443 USD, each with three retries.
        assert [row["estimate_usd"] for row in ran.json()] == [0.1772] * 4
        assert [row["submissions"] for row in ran.json()] == [4] * 4
        assert "Together about 0.71 USD at list price; at most 2.84 USD" in ran.err

    @pytest.mark.parametrize(("usd", "code"), [("2.84", 0), ("2.83", 1)])
    def test_max_cost_is_compared_with_the_most_that_a_run_can_cost(self, run: Any, usd: str, code: int) -> None:
        assert run("check", "seedance_retries_and_clears", "--max-cost", usd).code == code

    def test_max_cost_needs_an_upper_limit(self, run: Any) -> None:
        ran = run("check", "seedance_fan_out", "--max-cost", "1000")
        assert ran.code == 1
        assert "make_videos: the number of its rows is known when the DAG runs" in ran.err

    def test_refused_row_names_task_row_and_argument(self, run: Any, tmp_path: Path) -> None:
        file = tmp_path / "mapped.py"
        file.write_text(ROWS)
        ran = run("check", "mapped_dag", "-f", file, "-o", "json")
        assert ran.code == 1
        assert "Refused: make_video[1]: duration: 99" in ran.err
        assert [bool(row["refusals"]) for row in ran.json()] == [False, True, False]

    def test_dag_file_that_is_refused_when_it_is_parsed(self, run: Any, tmp_path: Path) -> None:
        file = tmp_path / "broken.py"
        file.write_text(BROKEN)
        ran = run("check", "broken_dag", "-f", file)
        assert ran.code == 1
        assert "broken.py cannot be imported: ValueError: Task 'make_video': Seedance refuses" in ran.err
        assert "duration: 99 is not allowed" in ran.err
        assert "Traceback" not in ran.err

    def test_unknown_dag_is_wrong_usage(self, run: Any) -> None:
        ran = run("check", "no_such_dag")
        assert (ran.code, ran.out) == (2, "")
        assert "no_such_dag" in ran.err

    @pytest.mark.parametrize("arguments", [(), ("a_dag", "--rows", "a.csv")])
    def test_either_a_dag_or_rows(self, run: Any, arguments: tuple[str, ...]) -> None:
        assert run("check", *arguments).code == 2

    # What a command ignores, its user believes.
    @pytest.mark.parametrize(
        "option", [("--validation", "warn"), ("--validation", "strict"), ("--ignore-columns", "sku")]
    )
    def test_option_of_tables_is_wrong_usage_for_a_dag(self, run: Any, option: tuple[str, str]) -> None:
        ran = run("check", "seedance_fan_out", *option)
        assert (ran.code, ran.out) == (2, "")
        assert f"{option[0]}: only for --rows" in ran.err

    @pytest.mark.parametrize("option", [("--bundle-name", "dags-folder"), ("--dagfile-path", "a.py")])
    def test_option_of_dags_is_wrong_usage_for_a_table(self, run: Any, option: tuple[str, str]) -> None:
        table = EXAMPLE_DAGS / "data" / "daily_content.csv"
        ran = run("check", "--rows", table, *option)
        assert (ran.code, ran.out) == (2, "")
        assert f"{option[0]}: only for a DAG" in ran.err

    def test_missing_dag_file_is_named(self, run: Any, tmp_path: Path) -> None:
        ran = run("check", "seedance_fan_out", "-f", tmp_path / "none.py")
        assert (ran.code, ran.out) == (2, "")
        assert f"There is no DAG file {tmp_path / 'none.py'}" in ran.err

    @pytest.mark.parametrize("usd", ["-1", "nan", "inf", "much"])
    def test_max_cost_is_an_amount(self, run: Any, usd: str) -> None:
        assert run("check", "seedance_fan_out", "--max-cost", usd).code == 2

    def test_bundle_without_the_dag(self, run: Any) -> None:
        assert run("check", "seedance_text_to_video", "-B", "dags-folder").code == 0
        assert run("check", "seedance_text_to_video", "-B", "tests").code == 2


class TestCheckRows:
    def test_example_table(self, run: Any) -> None:
        table = EXAMPLE_DAGS / "data" / "daily_content.csv"
        ran = run("check", "--rows", table, "--ignore-columns", "weekday, file", "-o", "csv", "--max-cost", "3.50")
        assert ran.code == 0
        # Five videos of 4 s and three of 5 s at 0.0998 USD per second.
        assert [row["highest_usd"] for row in csv.DictReader(io.StringIO(ran.out))].count("0.4990") == 3
        assert "at most 3.50 USD" in ran.err

    def test_messages_name_the_line(self, run: Any, tmp_path: Path) -> None:
        table = tmp_path / "rows.csv"
        table.write_text("\ufeffprompt,duration,camera_fixed\nA tram,99,\nA boat,4,true\n")
        ran = run("check", "--rows", table)
        assert ran.code == 1
        assert "Refused: line 2: duration: '99'" in ran.err or "Refused: line 2: duration: 99" in ran.err
        # Upstream refuses camera_fixed for 2.x models.
        assert "Warning: line 3: camera_fixed" in ran.err

    @pytest.mark.parametrize("content", [b"prompt,promt\nA,B\n", b"", b"prompt\n\xff\xfe\n"])
    def test_file_that_is_no_table_is_wrong_usage(self, run: Any, tmp_path: Path, content: bytes) -> None:
        table = tmp_path / "rows.csv"
        table.write_bytes(content)
        ran = run("check", "--rows", table)
        assert ran.code == 2
        assert str(table) in ran.err

    def test_file_that_is_missing_is_wrong_usage(self, run: Any, tmp_path: Path) -> None:
        assert run("check", "--rows", tmp_path / "none.csv").code == 2

    def test_file_in_another_encoding_says_which_one_is_read(self, run: Any, tmp_path: Path) -> None:
        table = tmp_path / "rows.csv"
        table.write_bytes("prompt\nLöwe\n".encode("latin-1"))
        assert "save it as UTF-8" in run("check", "--rows", table).err


@pytest.mark.usefixtures("short_waits")
class TestPredictions:
    @pytest.fixture
    def prediction_id(self, seedance_emulator: Emulator) -> str:
        return self.submit(seedance_emulator, "A fox")

    def submit(self, emulator: Emulator, prompt: str) -> str:
        url = f"{emulator.url}/api/v3/bytedance/{FAST}/text-to-video"
        answer = httpx.post(url, json={"prompt": prompt}, headers={"Authorization": KEY}, trust_env=False)
        return str(answer.json()["data"]["id"])

    def test_get_shows_the_state(self, run: Any, prediction_id: str) -> None:
        ran = run("get", prediction_id, "-o", "json")
        assert ran.code == 0
        assert (ran.json()["id"], ran.json()["model"]) == (prediction_id, FAST)

    def test_wait_shows_the_outputs(self, run: Any, prediction_id: str) -> None:
        shown = run("wait", prediction_id, "--timeout", "60", "-o", "json").json()
        assert shown["status"] == "succeeded"
        assert len(shown["outputs"]) == 1

    def test_wait_for_a_failed_generation_exits_with_1(self, run: Any, seedance_emulator: Emulator) -> None:
        prediction_id = self.submit(seedance_emulator, "A fox [fail]")
        ran = run("wait", prediction_id)
        assert (ran.code, ran.out) == (1, "")
        assert prediction_id in ran.err

    def test_wait_that_times_out_says_how_to_go_on(self, run: Any, seedance_emulator: Emulator) -> None:
        seedance_emulator.settings(seconds_running=60)
        prediction_id = self.submit(seedance_emulator, "A fox")
        ran = run("wait", prediction_id, "--timeout", "0.2")
        assert (ran.code, ran.out) == (1, "")
        assert f"(prediction {prediction_id})" in ran.err
        assert ran.err.endswith("To wait again, which costs nothing, run the same command.\n")

    def test_no_command_submits(self, run: Any, prediction_id: str, seedance_emulator: Emulator) -> None:
        run("get", prediction_id)
        run("wait", prediction_id)
        run("price")
        assert len(seedance_emulator.ledger()) == 1

    def test_interrupted_wait_names_the_prediction_that_goes_on(
        self, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(SeedanceHook, "wait_for_prediction", interrupted)
        ran = run("wait", "abc")
        assert ran.code == 130
        assert "Prediction abc goes on at the service" in ran.err

    @pytest.mark.parametrize("command", ["get", "wait"])
    def test_missing_connection_is_an_error_without_a_traceback(self, run: Any, command: str) -> None:
        ran = run(command, "abc", "--conn-id", "nowhere")
        assert (ran.code, ran.out) == (1, "")
        assert "'nowhere'" in ran.err
        assert "Traceback" not in ran.err

    @pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
    def test_timeout_is_a_time_span(self, run: Any, seconds: str) -> None:
        assert run("wait", "abc", "--timeout", seconds).code == 2

    def test_download_to_a_folder(self, run: Any, prediction_id: str, tmp_path: Path) -> None:
        run("wait", prediction_id)
        ran = run("download", prediction_id, tmp_path / "new")
        [file] = (tmp_path / "new").iterdir()
        assert ran.out.splitlines() == [str(file)]
        assert file.name == f"{prediction_id}-0.mp4"

    def test_download_to_a_file_below_the_current_folder(
        self, run: Any, prediction_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("wait", prediction_id)
        monkeypatch.chdir(tmp_path)
        assert run("download", prediction_id, "fox {1}.mp4").code == 0
        assert [file.name for file in tmp_path.iterdir()] == ["fox {1}.mp4"]

    def test_download_keeps_another_file_unless_it_is_told_otherwise(
        self, run: Any, prediction_id: str, tmp_path: Path
    ) -> None:
        run("wait", prediction_id)
        target = tmp_path / "fox.mp4"
        target.write_text("mine")
        assert run("download", prediction_id, target).code == 1
        assert target.read_text() == "mine"
        assert run("download", prediction_id, target.as_uri(), "--overwrite").code == 0
        assert b"ftyp" in target.read_bytes()[:16]

    def test_download_of_an_unknown_prediction(self, run: Any, seedance_emulator: Emulator, tmp_path: Path) -> None:
        ran = run("download", "0" * 32, tmp_path)
        assert (ran.code, ran.out) == (1, "")
        assert "0" * 32 in ran.err
        assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_on_a_terminal_only() -> None:
    assert progress().disable
