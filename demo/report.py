"""What a run should have come to, and the report on what it came to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from demo.run import Outcome
from demo.video import Measurement

#: The page's frame size of 720p at 16:9, and its default length, which are what the example asks for.
_VIDEO = Measurement(width=1280, height=720, seconds=5.0)
#: List price of the example's model at 720p, 0.0998 USD a second.
_COST = Decimal("0.499")


def problems(outcome: Outcome) -> Iterator[str]:
    """Tell what is not as it should be."""
    if "deferred" not in outcome.seconds:
        yield f"the task was never deferred, only {', '.join(outcome.seconds)}"
    if outcome.returned != [outcome.url]:
        yield f"the task returned {outcome.returned}, not the one link"
    if outcome.measured != _VIDEO:
        yield f"the video is {_size(outcome.measured)}, not {_size(_VIDEO)}"
    if [entry["id"] for entry in outcome.submissions] != [outcome.prediction_id]:
        yield f"{len(outcome.submissions)} submissions are booked, not the task's one"
    if (cost := _cost(outcome)) != _COST:
        yield f"{cost} USD are booked, not {_COST}"
    if not all(entry["delivered"] for entry in outcome.submissions):
        yield "the ledger says that the video was not handed over"
    if outcome.leaks:
        yield f"the key was sent where it does not belong: {outcome.leaks}"


def report(outcome: Outcome, directory: Path) -> Iterator[str]:
    """
    Tell what came of the run.

    :param outcome: What came of it.
    :param directory: Paths are shown as seen from here.
    """
    polls = sum(entry["polls"] for entry in outcome.submissions)
    worker, deferred = (outcome.seconds.get(state, 0.0) for state in ("running", "deferred"))
    yield f"prediction  {outcome.prediction_id}"
    yield f"link        {outcome.url}"
    yield f"file        {outcome.file.relative_to(directory)}: {_size(outcome.measured)}"
    yield f"task        {worker:.1f} s on a worker, {deferred:.1f} s deferred until it was back on one"
    yield "            (by the times at which Airflow's audit log has it running, deferred, running, success)"
    yield f"ledger      {len(outcome.submissions)} booked for {_cost(outcome)} USD, {polls} polls"


def _cost(outcome: Outcome) -> Decimal:
    return sum((Decimal(entry["cost"]) for entry in outcome.submissions), Decimal(0))


def _size(video: Measurement) -> str:
    return f"{video.width}x{video.height}, {video.seconds:.2f} s"
