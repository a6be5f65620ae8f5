"""
Simulate poll schedules: polls per generation and delay of the detection, for several policies.

.. code-block:: console

    $ python -m benchmarks.schedule

This project's schedule is simulated with :class:`~airflow_provider_seedance.gptproto.polling.Poller` itself, which gets
simulated responses and times. The simulation neither sleeps nor sends requests, and every run prints the same figures.

The duration of a generation is drawn from a lognormal distribution around the median of its kind (model, resolution and
length). The kinds have medians of 60-120 s. Two facts about the spread are known: 55-90 s is typical, and 300 s is not
rare. :data:`SPREAD` is a compromise: with 0.5 and a median of 75 s, 37 % take 55-90 s, and over all kinds one in 110
takes more than 300 s. With 0.35, half take 55-90 s, but only one in 1700 takes more than 300 s. With 0.6, one in 44
takes more than 300 s, but only 31 % take 55-90 s. The tests check the schedule with all three.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import NamedTuple

from airflow_provider_seedance.gptproto.polling import Decision, PollAgain, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.times import USUAL_SECONDS

#: Standard deviation of the logarithm of a generation's duration.
SPREAD = 0.5
#: Generations per row of the table.
GENERATIONS = 2_000

_SEED = 20_260_128
_NO_DEADLINE = 1e6
_RUNNING = Prediction(id="simulated", status=PredictionStatus.RUNNING, reported_status="running")
_SUCCEEDED = Prediction(
    id="simulated",
    status=PredictionStatus.SUCCEEDED,
    reported_status="succeeded",
    outputs=("https://cdn.example/0.mp4",),
)


class Generation(NamedTuple):
    """
    One generation.

    :param seconds: Duration.
    :param median: Median duration of its kind.
    """

    seconds: float
    median: float


class Cost(NamedTuple):
    """
    Cost of waiting for one generation.

    :param polls: Number of polls.
    :param delay: Seconds from its end to its detection.
    """

    polls: int
    delay: float


#: A poll schedule: returns the cost of waiting for a generation.
Policy = Callable[[Generation], Cost]


@dataclass(frozen=True, slots=True)
class Row:
    """
    Cost of a policy over many generations.

    :param generations: Name of the generations.
    :param policy: Name of the policy.
    :param polls: Polls per generation.
    :param mean_delay: Mean delay in seconds.
    :param p95_delay: 95th percentile of the delay, in seconds.
    """

    generations: str
    policy: str
    polls: float
    mean_delay: float
    p95_delay: float


def draw(medians: Iterable[float], spread: float = SPREAD) -> list[Generation]:
    """Draw a generation for every median; the seed is fixed, so every run draws the same."""
    rng = random.Random(_SEED)  # noqa: S311 - a simulation has no secret
    return [Generation(median * math.exp(rng.gauss(0.0, spread)), median) for median in medians]


def geometric_series(first: float, last: float, count: int) -> list[float]:
    """Return ``count`` values from ``first`` to ``last`` with equal ratios."""
    return [first * (last / first) ** (index / max(count - 1, 1)) for index in range(count)]


def fixed(interval: float) -> Policy:
    """Return the policy that polls at a fixed interval."""
    return lambda generation: _poll_after(repeat(interval), generation)


def exponential(first: float, factor: float, cap: float) -> Policy:
    """Return the policy whose intervals grow by a factor, up to a cap (exponential backoff)."""

    def intervals() -> Iterator[float]:
        interval = first
        while True:
            yield interval
            interval = min(interval * factor, cap)

    return lambda generation: _poll_after(intervals(), generation)


def schedule(expect: Callable[[Generation], float]) -> Policy:
    """
    Return the policy of this project.

    :param expect: Returns the expected duration of a generation.
    """
    rng = random.Random(_SEED)  # noqa: S311 - jitter is no secret
    return lambda generation: _poll_adaptively(generation, expect(generation), rng)


def cost(name: str, generations: Sequence[Generation], policy_name: str, policy: Policy) -> Row:
    """Return the cost of a policy over all these generations."""
    costs = [policy(generation) for generation in generations]
    delays = sorted(each.delay for each in costs)
    return Row(
        generations=name,
        policy=policy_name,
        polls=statistics.fmean(each.polls for each in costs),
        mean_delay=statistics.fmean(delays),
        p95_delay=delays[math.ceil(0.95 * len(delays)) - 1],
    )


def simulate(count: int) -> list[Row]:
    """Return all rows of the table, each for ``count`` generations."""
    each_5_s, each_10_s, right = fixed(5.0), fixed(10.0), schedule(lambda generation: generation.median)
    table: dict[str, tuple[list[Generation], dict[str, Policy]]] = {
        "median 60-120 s": (
            draw(geometric_series(60.0, 120.0, count)),
            {
                "every 5 s": each_5_s,
                "every 10 s": each_10_s,
                "exponential, 5 s x 1.5, cap 30 s": exponential(5.0, 1.5, 30.0),
                "this schedule, E right": right,
                "this schedule, E four times too high": schedule(lambda generation: 4 * generation.median),
                "this schedule, E four times too low": schedule(lambda generation: generation.median / 4),
                f"this schedule, E always {USUAL_SECONDS:.0f} s": schedule(lambda _: USUAL_SECONDS),
            },
        ),
        "median 90 s": (
            draw(repeat(90.0, count)),
            {"every 5 s": each_5_s, "every 10 s": each_10_s, "this schedule, E right": right},
        ),
        "median drifts, 45-180 s": (
            draw(geometric_series(45.0, 180.0, count)),
            {"every 5 s": each_5_s, "every 10 s": each_10_s, "this schedule, E always 90 s": schedule(lambda _: 90.0)},
        ),
        "an hour": (
            [Generation(seconds, USUAL_SECONDS) for seconds in geometric_series(3_500.0, 3_700.0, max(count // 20, 1))],
            {"every 5 s": each_5_s, "every 10 s": each_10_s, f"this schedule, E {USUAL_SECONDS:.0f} s": right},
        ),
    }
    return [
        cost(name, generations, policy_name, policy)
        for name, (generations, policies) in table.items()
        for policy_name, policy in policies.items()
    ]


def _poll_after(intervals: Iterable[float], generation: Generation) -> Cost:
    """Poll at given intervals."""
    for polls, now in enumerate(accumulate(intervals), start=1):
        if now >= generation.seconds:
            return Cost(polls, now - generation.seconds)
    raise ValueError("The intervals end before the generation does")


def _poll_adaptively(generation: Generation, expected_seconds: float, rng: random.Random) -> Cost:
    """Poll as operator, sensor and trigger do."""
    now = 0.0
    poller = Poller(
        prediction_id=_RUNNING.id,
        submitted_at=now,
        deadline=_NO_DEADLINE,
        expected_seconds=expected_seconds,
        random=rng,
    )
    decision: Decision = poller.first_poll(now)
    while isinstance(decision, PollAgain):
        now += decision.seconds
        decision = poller.on_prediction(_SUCCEEDED if now >= generation.seconds else _RUNNING, now)
    return Cost(poller.polls, now - generation.seconds)


def main() -> None:
    """Print the table."""
    print(f"{'generations':<24} {'policy':<37} {'polls':>6} {'mean delay, s':>14} {'p95 delay, s':>13}")
    for row in simulate(GENERATIONS):
        print(
            f"{row.generations:<24} {row.policy:<37} {row.polls:>6.1f} {row.mean_delay:>14.1f} {row.p95_delay:>13.1f}"
        )


if __name__ == "__main__":
    main()
