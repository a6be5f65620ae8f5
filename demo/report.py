"""Checks of the demo's outcome, and the report on it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from demo.run import Outcome
from demo.video import Measurement

#: Frame size of 720p at 16:9 and the default length, as documented; the example uses both.
_EXPECTED_VIDEO = Measurement(width=1280, height=720, seconds=5.0)
#: Five seconds of the example's model at 720p, list price 0.0998 USD a second.
_EXPECTED_COST = Decimal("0.499")


def problems(outcome: Outcome) -> Iterator[str]:
    """Yield every deviation from the expected outcome."""
    if "deferred" not in outcome.seconds:
        yield f"the task was never deferred, only {', '.join(outcome.seconds)}"
    if outcome.returned != [outcome.url]:
        yield f"the task returned {outcome.returned}, not the one output link"
    if outcome.measured != _EXPECTED_VIDEO:
        yield f"the video is {_size(outcome.measured)}, not {_size(_EXPECTED_VIDEO)}"
    if [entry["id"] for entry in outcome.submissions] != [outcome.prediction_id]:
        yield f"{len(outcome.submissions)} submissions are booked, not the task's one"
    if (cost := _cost(outcome)) != _EXPECTED_COST:
        yield f"{cost} USD are booked, not {_EXPECTED_COST}"
    if not all(entry["delivered"] for entry in outcome.submissions):
        yield "by the ledger, the video was not delivered"
    if outcome.leaks:
        yield f"the API key was sent to other places: {outcome.leaks}"


def report(outcome: Outcome, directory: Path) -> Iterator[str]:
    """
    Yield the lines of the report.

    :param outcome: Outcome of the run.
    :param directory: Paths are printed relative to this folder.
    """
    polls = sum(entry["polls"] for entry in outcome.submissions)
    worker, deferred = (outcome.seconds.get(state, 0.0) for state in ("running", "deferred"))
    yield f"prediction  {outcome.prediction_id}"
    yield f"link        {outcome.url}"
    yield f"file        {outcome.file.relative_to(directory)}: {_size(outcome.measured)}"
    yield f"task        {worker:.1f} s on a worker, {deferred:.1f} s deferred until it ran on a worker again"
    yield "            (by the times of running, deferred, running, success in Airflow's audit log)"
    yield f"ledger      {len(outcome.submissions)} booked for {_cost(outcome)} USD, {polls} polls"


def _cost(outcome: Outcome) -> Decimal:
    return sum((Decimal(entry["cost"]) for entry in outcome.submissions), Decimal(0))


def _size(video: Measurement) -> str:
    return f"{video.width}x{video.height}, {video.seconds:.2f} s"
