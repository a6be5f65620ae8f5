"""The command line of ``make demo`` and ``make ui``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx

from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from demo.report import problems, report
from demo.run import Outcome, run_example
from demo.standalone import Standalone, StandaloneError
from demo.workspace import workspace

_CHECKOUT = Path(__file__).parents[1]
#: Long enough to show the deferral. The video is ready at the first poll, after half of the expected 75 seconds.
_CLOCK = Settings(seconds_created=1.0, seconds_queued=3.0, seconds_running=24.0)


class ProgressLog:
    """Prints each step with the seconds since the start."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    def show(self, text: str) -> None:
        """Print a step."""
        print(f"[{time.monotonic() - self._started_at:6.1f} s] {text}", flush=True)


def demo(folder: Path, *, stay: bool) -> int:
    """
    Start emulator and Airflow, run the example, print the report, and stop both.

    :param folder: Folder for all files.
    :param stay: Whether Airflow stays up until Enter or Ctrl-C.
    :return: The exit code.
    """
    show = ProgressLog().show
    found: list[str] = []
    with running_emulator(_CLOCK) as emulator:
        show(f"emulator of the service: {emulator.url}")
        airflow = Standalone(
            folder / "airflow",
            _CHECKOUT / "example_dags",
            {"AIRFLOW_CONN_SEEDANCE_DEFAULT": emulator.connection_json},
        )
        show(f"airflow standalone: starting, log in {airflow.log.relative_to(_CHECKOUT)}")
        with airflow:
            show(f"airflow standalone: healthy at {airflow.url}")
            outcome = run_example(airflow, emulator, folder / "video.mp4", show)
            found += problems(outcome)
            if stay:
                _print_report(outcome, found)
                _stay(airflow.url)
        remaining = airflow.processes()
        show(f"airflow standalone: stopped, {len(remaining)} processes remain")
        found += [f"still running: {process}" for process in remaining]
    if not stay:
        _print_report(outcome, found)
    return 1 if found else 0


def _print_report(outcome: Outcome, found: list[str]) -> None:
    print("", *report(outcome, _CHECKOUT), *(f"WRONG       {each}" for each in found), sep="\n", flush=True)


def _stay(url: str) -> None:
    print(f"\nAirflow is at {url} (no login needed). Press Enter or Ctrl-C to stop it.", flush=True)
    with suppress(KeyboardInterrupt):
        if sys.stdin.isatty():
            sys.stdin.readline()
        else:
            signal.pause()


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    # A second Ctrl-C would interrupt the shutdown and leave processes running.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    print("\nStopping Airflow and the emulator", flush=True)
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Run the example DAG against the emulator.")
    parser.add_argument("--stay", action="store_true", help="keep Airflow running until Enter or Ctrl-C")
    options = parser.parse_args()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    with workspace(_CHECKOUT / ".demo") as folder:
        try:
            code = demo(folder, stay=options.stay)
        except KeyboardInterrupt:
            print("Interrupted: Airflow and the emulator are stopped", file=sys.stderr)
            return 130
        except (StandaloneError, httpx.HTTPError) as failure:
            print(f"\nFAILED: {failure}", file=sys.stderr)
            code = 1
        if code:
            print(f"All logs are in {folder.relative_to(_CHECKOUT)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
