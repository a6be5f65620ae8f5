"""
Simulate poll schedules: polls per generation and delay of the detection, for several policies.

.. code-block:: console

    $ python -m benchmarks.schedule

This project's schedule is simulated with :class:`~airflow_provider_seedance.gptproto.polling.Poller` itself, which gets
simulated responses and times. The simulation neither sleeps nor sends requests, and every run prints the same figures.

E is the first guess of a generation's duration. Where the schedule learns, a generation starts every ten seconds, so
several are in progress at any time, and all share the observed durations. The first :data:`LEARNING_TIME` generations
of each kind are in a row of their own.

The duration of a generation is drawn from a lognormal distribution around the median of its kind (model, resolution and
length). The kinds have medians of 60-120 s. Two facts about the spread are known: 55-90 s is typical, and 300 s is not
rare. :data:`SPREAD` is a compromise: with 0.5 and a median of 75 s, 37 % take 55-90 s, and over all kinds one in 110
takes more than 300 s. With 0.35, half take 55-90 s, but only one in 1700 takes more than 300 s. With 0.6, one in 44
takes more than 300 s, but only 31 % take 55-90 s. The tests check the schedule with all three.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle, islice, repeat
from typing import NamedTuple

from airflow_provider_seedance.gptproto.durations import ObservedDurations
from airflow_provider_seedance.gptproto.polling import Decision, PollAgain, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.times import USUAL_SECONDS

#: Standard deviation of the logarithm of a generation's duration.
SPREAD = 0.5
#: The same if generations of one kind take about as long: 55-90 s are then nine in ten with a median of 70 s.
REGULAR_SPREAD = 0.15
#: Generations per row of the table. The mean delay is then exact to about 0.05 s.
GENERATIONS = 10_000
#: Generations of each kind that the schedule may learn from before it is measured.
LEARNING_TIME = 20

_SEED = 20_260_128
_NO_DEADLINE = 1e12
_SECONDS_BETWEEN_STARTS = 10.0
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


#: A poll schedule: returns the cost of waiting for each of the generations, which start one after the other.
Policy = Callable[[Sequence[Generation]], list[Cost]]


#: The generations and policies of the rows, by the name of the generations.
Table = dict[str, tuple[list[Generation], dict[str, Policy]]]


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
    return lambda generations: [_poll_after(repeat(interval), each) for each in generations]


def exponential(first: float, factor: float, cap: float) -> Policy:
    """Return the policy whose intervals grow by a factor, up to a cap (exponential backoff)."""

    def intervals() -> Iterator[float]:
        interval = first
        while True:
            yield interval
            interval = min(interval * factor, cap)

    return lambda generations: [_poll_after(intervals(), each) for each in generations]


def schedule(expect: Callable[[Generation], float], kind: Callable[[Generation], str] = lambda _: "") -> Policy:
    """
    Return the policy of this project.

    :param expect: Returns the first guess of a generation's duration.
    :param kind: Returns the kind of a generation; without a kind the schedule does not learn.
    """
    return lambda generations: _poll_adaptively(generations, expect, kind)


def kind_of(generation: Generation) -> str:
    """Return the kind of a generation: its median identifies it."""
    return str(generation.median)


def after(count: int, policy: Policy) -> Policy:
    """Return the policy measured only after so many generations."""
    return lambda generations: policy(generations)[count:]


def cost(name: str, generations: Sequence[Generation], policy_name: str, policy: Policy) -> Row:
    """Return the cost of a policy over all these generations."""
    costs = policy(generations)
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
    each_5_s, each_10_s, right = fixed(5.0), fixed(10.0), schedule(_times_median(1.0))
    table: Table = {
        "median 60-120 s": (
            draw(geometric_series(60.0, 120.0, count)),
            {
                "every 5 s": each_5_s,
                "every 10 s": each_10_s,
                "exponential, 5 s x 1.5, cap 30 s": exponential(5.0, 1.5, 30.0),
                "this schedule, E right": right,
                "this schedule, E four times too high": schedule(_times_median(4.0)),
                "this schedule, E four times too low": schedule(_times_median(0.25)),
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
        for name, (generations, policies) in (table | _learning_table(count)).items()
        for policy_name, policy in policies.items()
    ]


def _learning_table(count: int) -> Table:
    """Return the rows that compare the first guess alone with learning."""
    kinds = geometric_series(60.0, 120.0, 10)
    learnt = LEARNING_TIME * len(kinds)
    generations = draw(islice(cycle(kinds), learnt + count))
    hundredths = [
        each._replace(seconds=10 * each.median) if index % 101 == 50 else each for index, each in enumerate(generations)
    ]
    regular = {
        f"{name}, more regular": (
            draw(islice(cycle(medians), LEARNING_TIME * len(medians) + count), REGULAR_SPREAD),
            _after(LEARNING_TIME * len(medians), _compared("E right", _times_median(1.0))),
        )
        for name, medians in (("10 kinds", kinds), ("median 70 s", [70.0]), ("median 40 s", [40.0]))
    }
    models = draw(islice(cycle((45.0, 180.0)), 2 * LEARNING_TIME + count))
    day = draw(repeat(75.0, 2 * count))
    day[count:] = [each._replace(seconds=2 * each.seconds) for each in day[count:]]
    compared = {
        name: policy
        for error, text in ((1.0, "right"), (4.0, "four times too high"), (0.25, "four times too low"))
        for name, policy in _compared(f"E {text}", _times_median(error)).items()
    }
    always_90_s = {
        **_compared("E always 90 s", lambda _: 90.0),
        "learnt, models not distinguished": schedule(lambda _: 90.0, lambda _: "both"),
    }
    return {
        f"10 kinds, the first {LEARNING_TIME}": (generations[:learnt], compared),
        "10 kinds, after that": (generations, _after(learnt, compared)),
        "the same, 1 % take tenfold": (hundredths, _after(learnt, compared)),
        **regular,
        "2 models, 45 and 180 s": (models, _after(2 * LEARNING_TIME, always_90_s)),
        "twice as slow from noon": (day, _after(count, _compared("E right in the morning", lambda _: 75.0))),
    }


def _compared(name: str, first_guess: Callable[[Generation], float]) -> dict[str, Policy]:
    return {name: schedule(first_guess), f"{name}, learnt": schedule(first_guess, kind_of)}


def _after(count: int, policies: dict[str, Policy]) -> dict[str, Policy]:
    return {name: after(count, policy) for name, policy in policies.items()}


def _times_median(factor: float) -> Callable[[Generation], float]:
    return lambda generation: factor * generation.median


def _poll_after(intervals: Iterable[float], generation: Generation) -> Cost:
    """Poll at given intervals."""
    for polls, now in enumerate(accumulate(intervals), start=1):
        if now >= generation.seconds:
            return Cost(polls, now - generation.seconds)
    raise ValueError("The intervals end before the generation does")


def _poll_adaptively(
    generations: Sequence[Generation], expect: Callable[[Generation], float], kind: Callable[[Generation], str]
) -> list[Cost]:
    """Poll as operator, sensor and trigger do: all generations side by side, in the order of the polls."""
    durations = ObservedDurations()
    pollers = [
        Poller(
            prediction_id=_RUNNING.id,
            submitted_at=index * _SECONDS_BETWEEN_STARTS,
            deadline=_NO_DEADLINE,
            expected_seconds=expect(generation),
            kind=kind(generation),
            durations=durations,
            # The same jitter in all rows, so that rows can be compared.
            random=random.Random(_SEED + index),  # noqa: S311 - jitter is no secret
            phase=0.0,
        )
        for index, generation in enumerate(generations)
    ]
    delays = [0.0] * len(generations)
    due = [(poller.submitted_at, index) for index, poller in enumerate(pollers)]
    while due:
        now, index = heapq.heappop(due)
        poller, late = pollers[index], now - pollers[index].submitted_at - generations[index].seconds
        if now == poller.submitted_at:
            decision: Decision = poller.first_poll(now)
        else:
            decision = poller.on_prediction(_SUCCEEDED if late >= 0 else _RUNNING, now)
        if isinstance(decision, PollAgain):
            heapq.heappush(due, (now + decision.seconds, index))
        else:
            delays[index] = late
    return [Cost(poller.polls, delay) for poller, delay in zip(pollers, delays, strict=True)]


def main() -> None:
    """Print the table."""
    print(f"{'generations':<26} {'policy':<37} {'polls':>6} {'mean delay, s':>14} {'p95 delay, s':>13}")
    for row in simulate(GENERATIONS):
        print(
            f"{row.generations:<26} {row.policy:<37} {row.polls:>6.1f} {row.mean_delay:>14.1f} {row.p95_delay:>13.1f}"
        )


if __name__ == "__main__":
    main()
