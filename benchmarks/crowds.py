"""
Measure whether many waits that never end hold up the others: with the real client, against the mock service.

.. code-block:: console

    $ python -m benchmarks.crowds

- *stuck*: 700 predictions that stay running, and 50 that end, at 20 polls a second. A round of polls takes 37.5 s.
- *drip*: 1000 responses that send a byte a second, 50 healthy waits beside them, and 50 with another key.

``tests/unit/gptproto/http/test_fairness.py`` has the same cases on a virtual clock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.settings import ClientSettings
from benchmarks.bench import Bench, running_service
from benchmarks.lag import LagProbe, percentile
from benchmarks.service import name_drip, name_prediction
from benchmarks.ways import KEY

_EXPECTED_SECONDS = 75.0
_LONG = 1e6


@dataclass(frozen=True, slots=True)
class Case:
    """
    One wait.

    :param prediction_id: Its prediction.
    :param deadline: Its deadline, in seconds since the epoch.
    :param ends_at: The end of the generation; ``None`` if it never ends.
    :param submitted_at: The time of the submission.
    :param key: The API key: each one has its own connections and rate limit.
    """

    prediction_id: str
    deadline: float
    ends_at: float | None
    submitted_at: float
    key: str = KEY


@dataclass(frozen=True, slots=True)
class Ended:
    """
    A wait that has ended.

    :param case: The wait.
    :param found: Whether it found the video.
    :param at: The time of its end.
    """

    case: Case
    found: bool
    at: float


def stuck(now: float) -> list[Case]:
    """Return 700 waits for predictions that never end, and 50 for predictions that end."""
    old = [
        Case(name_prediction(now + _LONG, number), now + 150.0 + number / 20, None, now - 900.0)
        for number in range(700)
    ]
    return [*old, *_healthy(now, range(700, 750))]


def drip(now: float) -> list[Case]:
    """Return 1000 waits whose responses never end, and 50 healthy ones with each of two keys."""
    dripping = [Case(name_drip(number), now + 120.0 + number / 20, None, now) for number in range(1000)]
    return [*dripping, *_healthy(now, range(50)), *_healthy(now, range(50, 100), "sk-another")]


def _healthy(now: float, numbers: Iterable[int], key: str = KEY) -> list[Case]:
    ends = {number: now + 60.0 + place for place, number in enumerate(numbers)}
    return [Case(name_prediction(end, number), now + 900.0, end, now, key) for number, end in ends.items()]


async def measure(bench: Bench, cases: Sequence[Case]) -> tuple[list[Ended], LagProbe]:
    """Run all waits at once on one event loop."""
    probe = LagProbe()
    running = asyncio.create_task(probe.run())
    ended = await asyncio.gather(*(_wait(bench, case) for case in cases))
    running.cancel()
    return ended, probe


async def _wait(bench: Bench, case: Case) -> Ended:
    settings = ClientSettings(api_key=case.key, base_url=bench.base_url, verify=bench.bundle)
    poller = Poller(
        prediction_id=case.prediction_id,
        submitted_at=case.submitted_at,
        deadline=case.deadline,
        expected_seconds=_EXPECTED_SECONDS,
    )
    async with AsyncGPTProtoClient(settings, log=logging.getLogger("silent")) as client:
        try:
            await client.wait(poller)
        except SeedanceError:
            return Ended(case, False, time.time())
    return Ended(case, True, time.time())


def lines(name: str, ended: Sequence[Ended], lags: Sequence[float]) -> Iterable[str]:
    """Return the figures of a case as lines of text."""
    endless = [each.at - each.case.deadline for each in ended if each.case.ends_at is None]
    yield f"{name}: {len(endless)} waits never end; the latest ended {max(endless):.1f} s after its deadline"
    for key in dict.fromkeys(each.case.key for each in ended):
        finite = [each for each in ended if each.case.ends_at is not None and each.case.key == key]
        delays = [each.at - (each.case.ends_at or 0.0) for each in finite if each.found]
        slowest = f"{max(delays):.1f}" if delays else "-"
        yield f"{name}: {len(delays)} of {len(finite)} found with {key}, the last one {slowest} s after its end"
    yield f"{name}: loop lag p99 {1000 * percentile(lags, 0.99):.0f} ms, longest {1000 * max(lags):.0f} ms"


def main() -> None:
    """Run both cases and print the figures."""
    with running_service() as bench:
        for case in (stuck, drip):
            ended, probe = asyncio.run(measure(bench, case(time.time())))
            print(*lines(case.__name__, ended, probe.lags()), sep="\n", flush=True)


if __name__ == "__main__":
    main()
