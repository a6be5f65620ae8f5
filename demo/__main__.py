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
#: Long enough to see it wait; ready when the operator polls first, which is after half of the usual 75 seconds.
_CLOCK = Settings(seconds_created=1.0, seconds_queued=3.0, seconds_running=24.0)


class Steps:
    """Shows steps as they happen, with the seconds since the first one."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def show(self, text: str) -> None:
        """Show a step."""
        print(f"[{time.monotonic() - self._begin:6.1f} s] {text}", flush=True)


def demo(folder: Path, *, stay: bool) -> int:
    """
    Start everything, run the example, report, and end everything.

    :param folder: Where everything is kept.
    :param stay: Whether Airflow stays up until Enter or Ctrl-C.
    :return: The exit code.
    """
    show = Steps().show
    wrong: list[str] = []
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
            wrong += problems(outcome)
            if stay:
                _tell(outcome, wrong)
                _stay(airflow.url)
        left = airflow.processes()
        show(f"airflow standalone: stopped, {len(left)} processes are left")
        wrong += [f"still running: {process}" for process in left]
    if not stay:
        _tell(outcome, wrong)
    return 1 if wrong else 0


def _tell(outcome: Outcome, wrong: list[str]) -> None:
    print("", *report(outcome, _CHECKOUT), *(f"WRONG       {each}" for each in wrong), sep="\n", flush=True)


def _stay(url: str) -> None:
    print(f"\nAirflow is at {url} (no login needed). Enter or Ctrl-C ends it.", flush=True)
    with suppress(KeyboardInterrupt):
        if sys.stdin.isatty():
            sys.stdin.readline()
        else:
            signal.pause()


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    # Everything is being stopped from now on; a second Ctrl-C would only leave something running.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    print("\nStopping everything", flush=True)
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Run the example DAG against the emulator.")
    parser.add_argument("--stay", action="store_true", help="keep Airflow up afterwards, until Enter or Ctrl-C")
    options = parser.parse_args()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    with workspace(_CHECKOUT / ".demo") as folder:
        try:
            code = demo(folder, stay=options.stay)
        except KeyboardInterrupt:
            print("Interrupted: everything is stopped", file=sys.stderr)
            return 130
        except (StandaloneError, httpx.HTTPError) as failure:
            print(f"\nFAILED: {failure}", file=sys.stderr)
            code = 1
        if code:
            print(f"All logs are in {folder.relative_to(_CHECKOUT)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
