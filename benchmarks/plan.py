"""
The measurements: number of waits, way to wait, duration of the generations, rate limit of the service.

The ways to wait are compared at a fixed poll interval, which all of them support, without the provider's rate limit.
Further plans measure the provider with its default settings, and at a service with a rate limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PROVIDER = "this provider"
SENSOR = "HttpSensorTrigger"
#: The least that a poll can cost.
FLOOR = "bare asyncio"
#: The provider's poll schedule and rate limit; generations of 90 s that end within 5 s.
DEFAULTS = "this provider, defaults"
#: The same at a service that allows 10 requests a second.
THROTTLED = "this provider, 10/s allowed"
#: Generations with a median of 90 s: the provider's poll schedule, and an interval of 5 s.
OWN_SCHEDULE = "this provider, its schedule"
SENSOR_EVERY_5_S = "HttpSensorTrigger, every 5 s"

#: Shortest poll interval for the comparison of the ways, in seconds.
_SHORTEST_INTERVAL = 2.0
#: Most polls per second; the interval grows with the number of waits. Twice this rate would saturate a core.
_HIGHEST_RATE = 250.0
#: Poll intervals per generation: about as many polls as with the provider's poll schedule.
_INTERVALS = 6
#: A rate that the provider never reaches, for the comparison of the ways.
_NO_LIMIT = 10_000.0
#: Seconds of a generation in the plans with the provider's default settings.
_GENERATION_SECONDS = 90.0
#: Sigma of the lognormal distribution of their durations, one of those in the tests of the simulated schedule.
_SIGMA = 0.35
_SPREAD = 5.0
#: Above this number of waits a user would raise the default rate.
_WAITS_OF_DEFAULT_RATE = 1000
_POLLS_OF_A_WAIT_PER_SECOND = 1 / 50
_ALLOWED = 10.0
#: With more waits, other ways need over ten gigabytes and block their loop for minutes.
_MAXIMUM_WAITS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    One measurement.

    :param name: Name in the table.
    :param way: Way to wait.
    :param waits: Number of waits, which all start at once.
    :param interval: Seconds between polls; ``None`` for the provider's poll schedule.
    :param seconds: Shortest duration of a generation; with ``sigma`` the median.
    :param spread: Seconds from the end of the first generation to the end of the last.
    :param sigma: Sigma of a lognormal distribution of the durations, instead of a spread.
    :param rate: The connection's ``polls_per_second``; ``None`` for the default.
    :param allowed: Requests a second that the service allows; ``None`` for no limit.
    """

    name: str
    way: str
    waits: int
    interval: float | None = None
    seconds: float = _GENERATION_SECONDS
    spread: float = _SPREAD
    sigma: float = 0.0
    rate: float | None = None
    allowed: float | None = None


def plans(ways: Sequence[str], waits: Sequence[int]) -> Iterator[Plan]:
    """
    Return the plans of one round.

    :param ways: The ways to compare.
    :param waits: Numbers of simultaneous waits. A single wait is measured, too, as the baseline of the memory.
    """
    for count in (1, *waits):
        yield from (_compare(way, count) for way in ways if count <= _MAXIMUM_WAITS or way == PROVIDER)
    if PROVIDER not in ways:
        return
    for count in (each for each in waits if each >= _WAITS_OF_DEFAULT_RATE):
        rate = None if count <= _WAITS_OF_DEFAULT_RATE else count * _POLLS_OF_A_WAIT_PER_SECOND
        yield Plan(name=DEFAULTS, way=PROVIDER, waits=count, rate=rate)
    if 1000 in waits:
        yield Plan(name=THROTTLED, way=PROVIDER, waits=1000, allowed=_ALLOWED)
        yield Plan(name=OWN_SCHEDULE, way=PROVIDER, waits=1000, sigma=_SIGMA, rate=_NO_LIMIT)
        if SENSOR in ways:
            yield Plan(name=SENSOR_EVERY_5_S, way=SENSOR, waits=1000, sigma=_SIGMA, interval=5.0)


def _compare(way: str, waits: int) -> Plan:
    interval = 0.25 if waits == 1 else max(_SHORTEST_INTERVAL, waits / _HIGHEST_RATE)
    seconds = _INTERVALS * interval
    return Plan(name=way, way=way, waits=waits, interval=interval, seconds=seconds, spread=interval, rate=_NO_LIMIT)
