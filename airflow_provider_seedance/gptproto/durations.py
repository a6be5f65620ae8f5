"""
Observed durations: how long the last generations of a kind took, as the expectation for the next one.

The usual time of :mod:`~airflow_provider_seedance.gptproto.times` is the first guess. What is kept of a generation is
the ratio of its duration to its first guess, so one kind can hold generations of several lengths. The expected factor
is the median of the last :attr:`ObservedDurations.WINDOW` ratios, and of some ratios of 1 for the first guess. Outliers
do not change a median, and a few observations do not outweigh the first guess. When the service becomes slower, the
expectation follows after half a window of generations. With :attr:`ObservedDurations.MINIMUM_FOR_RANGE` observations or
more, an estimate also has the range of the durations, without outliers.

A duration runs from the submission to the result, queueing included. The service does not report it: ``created_at`` is
by another clock, and ``inference_seconds`` leaves out the queue, and is often 0. So the end is only known to lie
between two polls (interval censoring); see :func:`duration_between`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

#: Seconds between the two polls around an end, at most: the longest pause of the poll schedule. A longer one comes from
#: an interruption, such as a restart of the triggerer, and says nothing about the generation.
MAXIMUM_UNCERTAINTY = 90.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    The expected duration of a generation, and why.

    :param seconds: From submission to result.
    :param first_guess: The usual time, in seconds.
    :param observations: The number of observed generations that it is based on.
    :param between: The shortest and the longest of the observed durations, in seconds, without one in twenty at each
        end; ``None`` if too few were observed.
    """

    seconds: float
    first_guess: float
    observations: int = 0
    between: tuple[float, float] | None = None

    def __str__(self) -> str:
        if not self.observations:
            return f"{self.seconds:.0f} s (usual time)"
        reason = f"usual time {self.first_guess:.0f} s, corrected by the last {self.observations} of its kind"
        return f"{self.seconds:.0f} s ({reason})"


class ObservedDurations:
    """
    The last durations of each kind of generation, in memory.

    It belongs to one connection and one event loop; a process that starts anew begins with the first guesses.
    """

    #: Observations of a kind that count.
    WINDOW: ClassVar[int] = 30
    #: Observations that the first guess counts for.
    FIRST_GUESS_WEIGHT: ClassVar[int] = 5
    #: Observations of a kind that show in which range its durations are.
    MINIMUM_FOR_RANGE: ClassVar[int] = 10
    #: Kinds in memory; the one without an observation for the longest time is forgotten.
    MAXIMUM_KINDS: ClassVar[int] = 500

    def __init__(self) -> None:
        self._ratios: dict[str, deque[float]] = {}

    def expected(self, kind: str, first_guess: float) -> Estimate:
        """
        Return the expected duration of a generation.

        :param kind: Its kind; empty if unknown.
        :param first_guess: Its usual time in seconds.
        """
        ratios = self._ratios.get(kind, ())
        if not ratios:
            return Estimate(first_guess, first_guess)
        # The median by hand: importing statistics would cost each leg of each task 3 ms.
        ordered = sorted([*ratios, *[1.0] * self.FIRST_GUESS_WEIGHT])
        middle = len(ordered) // 2
        factor = (ordered[middle] + ordered[~middle]) / 2
        return Estimate(first_guess * factor, first_guess, len(ratios), self._between(ratios, first_guess))

    def _between(self, ratios: Collection[float], first_guess: float) -> tuple[float, float] | None:
        if len(ratios) < self.MINIMUM_FOR_RANGE:
            return None
        ordered = sorted(ratios)
        left_out = len(ordered) // 20
        return first_guess * ordered[left_out], first_guess * ordered[~left_out]

    def observe(self, kind: str, first_guess: float, seconds: float) -> None:
        """
        Add the duration of a generation that succeeded; without a kind or a first guess it is ignored.

        :param seconds: The duration. The other parameters are those of :meth:`expected`.
        """
        if not kind or first_guess <= 0:
            return
        ratios = self._ratios.pop(kind, None) or deque(maxlen=self.WINDOW)
        ratios.append(seconds / first_guess)
        self._ratios[kind] = ratios
        if len(self._ratios) > self.MAXIMUM_KINDS:
            del self._ratios[next(iter(self._ratios))]


def duration_between(after: float, until: float, reported: float) -> float | None:
    """
    Return the duration of a generation that ended between two polls; ``None`` if that says nothing.

    They may be too far apart, or a clock that was set back made the second one seem the earlier one.

    :param after: Seconds from the submission to the last poll that found it in progress; 0 for the submission itself.
    :param until: Seconds from the submission to the poll that found its end.
    :param reported: The duration that the service reports, 0 without one. It counts if it lies between the polls; else
        the middle between the polls does.
    """
    if not 0 <= until - after <= MAXIMUM_UNCERTAINTY:
        return None
    return reported if after < reported <= until else (after + until) / 2
