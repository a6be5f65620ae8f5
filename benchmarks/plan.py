"""
What is measured: so many waits, waiting so, for generations that take so long, at a service that allows so much.

The ways to wait are compared at a fixed interval, which all of them know, and the provider's own rate is no limit then.
After that the provider waits as it comes: with its own schedule, at its own rate, at a service with a limit of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PROVIDER = "this provider"
SENSOR = "HttpSensorTrigger"
FLOOR = "bare asyncio"
#: The provider with its own schedule and its own rate; generations of 90 s that end within 5 s.
AS_IT_COMES = "this provider, as it comes"
#: The same where the service allows 10 requests a second.
THROTTLED = "this provider, 10/s allowed"
#: Whole generations, with a median of 90 s: the provider's own schedule beside an interval of 5 s.
OWN_SCHEDULE = "this provider, its schedule"
SENSOR_EVERY_5_S = "HttpSensorTrigger, every 5 s"

#: Seconds between two polls where all ways look alike, at least.
_SHORTEST_INTERVAL = 2.0
#: Looks a second for which the interval becomes longer; more than twice as many leave a core no rest.
_HIGHEST_RATE = 250.0
#: How many intervals a generation takes: it is looked for about as often as with the provider's own schedule.
_INTERVALS = 6
#: Not a limit for the provider, where ways are compared.
_NO_LIMIT = 10_000.0
#: Seconds that a generation takes where the provider waits as it comes.
_USUAL = 90.0
#: How far their durations are spread: sigma of a lognormal distribution, as where the schedule is simulated.
_SIGMA = 0.35
_SPREAD = 5.0
#: Above so many waits the default rate is too low: somebody who has them would set a higher one.
_WAITS_OF_DEFAULT_RATE = 1000
_LOOKS_OF_A_WAIT_PER_SECOND = 1 / 50
_ALLOWED = 10.0
#: So many waits need more than ten gigabytes and block their loop for minutes in these ways.
_TOO_MANY = 2000
_FRUGAL = (PROVIDER, FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    One thing to measure.

    :param name: How it is called in the table.
    :param way: How to wait.
    :param waits: How many waits, which all start at once.
    :param interval: Seconds between polls; ``None`` leaves them to the provider.
    :param seconds: How long a generation takes; the shortest, or with ``sigma`` the median.
    :param spread: Seconds from the end of the first generation to the end of the last.
    :param sigma: Sigma of a lognormal distribution of the durations, instead of a spread.
    :param rate: The connection's ``polls_per_second``; ``None`` leaves it to the provider.
    :param allowed: Requests a second that the service allows; ``None`` allows all.
    """

    name: str
    way: str
    waits: int
    interval: float | None = None
    seconds: float = _USUAL
    spread: float = _SPREAD
    sigma: float = 0.0
    rate: float | None = None
    allowed: float | None = None


def plans(ways: Sequence[str], waits: Sequence[int]) -> Iterator[Plan]:
    """
    Return what one round measures.

    :param ways: The ways to compare.
    :param waits: How many waits at once; for its memory, one wait is measured, too.
    """
    for count in (1, *waits):
        yield from (_compare(way, count) for way in ways if count <= _TOO_MANY or way in _FRUGAL)
    if PROVIDER not in ways:
        return
    for count in (each for each in waits if each >= _WAITS_OF_DEFAULT_RATE):
        rate = None if count <= _WAITS_OF_DEFAULT_RATE else count * _LOOKS_OF_A_WAIT_PER_SECOND
        yield Plan(name=AS_IT_COMES, way=PROVIDER, waits=count, rate=rate)
    if 1000 in waits:
        yield Plan(name=THROTTLED, way=PROVIDER, waits=1000, allowed=_ALLOWED)
        yield Plan(name=OWN_SCHEDULE, way=PROVIDER, waits=1000, sigma=_SIGMA, rate=_NO_LIMIT)
        if SENSOR in ways:
            yield Plan(name=SENSOR_EVERY_5_S, way=SENSOR, waits=1000, sigma=_SIGMA, interval=5.0)


def _compare(way: str, waits: int) -> Plan:
    interval = 0.25 if waits == 1 else max(_SHORTEST_INTERVAL, waits / _HIGHEST_RATE)
    seconds = _INTERVALS * interval
    return Plan(name=way, way=way, waits=waits, interval=interval, seconds=seconds, spread=interval, rate=_NO_LIMIT)
