"""
When to look: how often waits ask, and how late they find the video, simulated for several policies.

.. code-block:: console

    $ python -m benchmarks.schedule

The schedule under test is :class:`~airflow_provider_seedance.gptproto.polling.Poller` itself, fed with responses and
times; the others are intervals computed beside it. Nothing sleeps, nothing
is sent, and every run prints the same figures.

How long a generation takes is drawn from a lognormal distribution around the median of its kind (model, resolution and
duration), and the kinds have medians of 60-120 s. Two things are known of its spread: 55-90 s is typical, and 300 s is
not rare. :data:`SPREAD` is a compromise between them: with 0.5 and a median of 75 s, 37 % take 55-90 s, and of all
kinds together one in 110 takes more than 300 s. With 0.35 it would be half in 55-90 s, but one in 1700 beyond 300 s;
with 0.6 one in 44, but 31 % in 55-90 s. The tests hold the schedule to its conditions with all three.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import NamedTuple

from airflow_provider_seedance.gptproto.catalogue import USUAL_SECONDS
from airflow_provider_seedance.gptproto.polling import Decision, PollAgain, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus

#: The standard deviation of the logarithm of a generation's time.
SPREAD = 0.5
#: How many generations each row of the table is made of.
GENERATIONS = 2_000

_SEED = 20_260_128
_FAR_AWAY = 1e6
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

    :param seconds: How long it takes.
    :param median: How long half of those of its kind take at most.
    """

    seconds: float
    median: float


class Cost(NamedTuple):
    """
    What waiting for one generation costs.

    :param polls: How often it was asked for.
    :param delay: How many seconds after its end it was found.
    """

    polls: int
    delay: float


#: How to wait for a generation.
Policy = Callable[[Generation], Cost]


@dataclass(frozen=True, slots=True)
class Row:
    """
    What a policy costs over many generations.

    :param generations: Which ones.
    :param policy: How they are waited for.
    :param polls: Polls per generation.
    :param mean_delay: Mean delay in seconds.
    :param p95_delay: What 95 % of the delays do not exceed, in seconds.
    """

    generations: str
    policy: str
    polls: float
    mean_delay: float
    p95_delay: float


def draw(medians: Iterable[float], spread: float = SPREAD) -> list[Generation]:
    """Return a generation for every median, the same ones in every run."""
    luck = random.Random(_SEED)  # noqa: S311 - a simulation has no secret
    return [Generation(median * math.exp(luck.gauss(0.0, spread)), median) for median in medians]


def evenly(first: float, last: float, count: int) -> list[float]:
    """Return medians from one to another, in equal ratios."""
    return [first * (last / first) ** (index / max(count - 1, 1)) for index in range(count)]


def fixed(interval: float) -> Policy:
    """Return the policy that looks at a fixed interval."""
    return lambda generation: _follow(repeat(interval), generation)


def exponential(first: float, factor: float, cap: float) -> Policy:
    """Return the policy whose pauses grow by a factor, up to a cap."""

    def pauses() -> Iterator[float]:
        pause = first
        while True:
            yield pause
            pause = min(pause * factor, cap)

    return lambda generation: _follow(pauses(), generation)


def schedule(expect: Callable[[Generation], float]) -> Policy:
    """
    Return the policy of this project.

    :param expect: The expected time of a generation.
    """
    luck = random.Random(_SEED)  # noqa: S311 - jitter is no secret
    return lambda generation: _wait(generation, expect(generation), luck)


def cost(name: str, generations: Sequence[Generation], policy_name: str, policy: Policy) -> Row:
    """Return what a policy costs over all these generations."""
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
    """Return the whole table, each row for so many generations."""
    fives, tens, right = fixed(5.0), fixed(10.0), schedule(lambda generation: generation.median)
    table: dict[str, tuple[list[Generation], dict[str, Policy]]] = {
        "median 60-120 s": (
            draw(evenly(60.0, 120.0, count)),
            {
                "every 5 s": fives,
                "every 10 s": tens,
                "exponential, 5 s x 1.5, cap 30 s": exponential(5.0, 1.5, 30.0),
                "this schedule, E right": right,
                "this schedule, E four times too high": schedule(lambda generation: 4 * generation.median),
                "this schedule, E four times too low": schedule(lambda generation: generation.median / 4),
                f"this schedule, E always {USUAL_SECONDS:.0f} s": schedule(lambda _: USUAL_SECONDS),
            },
        ),
        "median 90 s": (
            draw(repeat(90.0, count)),
            {"every 5 s": fives, "every 10 s": tens, "this schedule, E right": right},
        ),
        "median drifts, 45-180 s": (
            draw(evenly(45.0, 180.0, count)),
            {"every 5 s": fives, "every 10 s": tens, "this schedule, E always 90 s": schedule(lambda _: 90.0)},
        ),
        "an hour": (
            [Generation(seconds, USUAL_SECONDS) for seconds in evenly(3_500.0, 3_700.0, max(count // 20, 1))],
            {"every 5 s": fives, "every 10 s": tens, f"this schedule, E {USUAL_SECONDS:.0f} s": right},
        ),
    }
    return [
        cost(name, generations, policy_name, policy)
        for name, (generations, policies) in table.items()
        for policy_name, policy in policies.items()
    ]


def _follow(pauses: Iterable[float], generation: Generation) -> Cost:
    """Wait with given pauses."""
    for polls, now in enumerate(accumulate(pauses), start=1):
        if now >= generation.seconds:
            return Cost(polls, now - generation.seconds)
    raise ValueError("The pauses end before the generation does")


def _wait(generation: Generation, expected_seconds: float, luck: random.Random) -> Cost:
    """Wait as operator, sensor and trigger do."""
    now = 0.0
    wait = Poller(
        prediction_id=_RUNNING.id,
        submitted_at=now,
        deadline=_FAR_AWAY,
        expected_seconds=expected_seconds,
        random=luck,
    )
    decision: Decision = wait.first_poll(now)
    while isinstance(decision, PollAgain):
        now += decision.seconds
        decision = wait.on_prediction(_SUCCEEDED if now >= generation.seconds else _RUNNING, now)
    return Cost(wait.polls, now - generation.seconds)


def main() -> None:
    """Print the table."""
    print(f"{'generations':<24} {'policy':<37} {'polls':>6} {'mean delay, s':>14} {'p95 delay, s':>13}")
    for row in simulate(GENERATIONS):
        print(
            f"{row.generations:<24} {row.policy:<37} {row.polls:>6.1f} {row.mean_delay:>14.1f} {row.p95_delay:>13.1f}"
        )


if __name__ == "__main__":
    main()
