"""
The poll schedule: when to poll next and when to give up, as pure decisions for operator, sensor and trigger.

A :class:`Poller` receives a prediction or an error, with the current time, and returns a decision: :class:`PollAgain`
after an interval, :class:`Done` with the finished prediction, or :class:`GiveUp` with an error. It does no I/O and
reads no clock (sans-I/O).

E is the expected duration of the generation, t the time since the submission. E is the usual time, corrected by what
:mod:`~airflow_provider_seedance.gptproto.durations` observed. The first poll is at 0.4 E, but at 75 s at the latest.
Every later interval is max(E, t) / 24, but at least 7.5 s and at most 30 s. So most generations are polled every 7.5 s
near their expected end, and slow ones less often.

Once ten generations of the kind were observed, the polls are where such generations end. Before the shortest duration
the next poll is at its time, but after 30 s at the latest. From there to the longest duration the interval is a 12th of
the range, but at least 2 s; if the range is wide, the interval stays as it is. So a generation that ends, or fails,
between the first poll and the shortest duration is found up to 36 s late, jitter included.

``python -m benchmarks.schedule`` simulates the cost, for generations with a median duration of 60-120 s:

- With the right E, a generation takes 8.7 polls, and the video is found 4.4 s late on average. A fixed interval of
  10 s takes 10.4 polls and is 5 s late; exponential backoff, the usual choice, is 14 s late.
- With E four times too high, it is 17 s late; without the limit of 75 s it would be a minute late. After twenty
  generations of the kind it is 4.7 s late, at 8.3 polls.
- With E four times too low, it takes 12 polls and is 4.3 s late; after twenty generations 9.0 polls and 4.4 s.
- If generations are more regular (of those with a median of 70 s, nine in ten take 55-90 s), 7.9 polls find a video
  2.5 s late, after twenty generations of the kind; before that, 7.5 polls find it 4.2 s late. The shorter they are, the
  more polls are added: with a median of 70 s it takes 7.6 instead of 6.4 polls, with one of 40 s 6.6 instead of 4.3.
- A generation of an hour takes 140 polls, instead of 360 at a fixed interval of 10 s, and is found 17 s late.

ByteDance advises an interval of at least 10 s. With the right E the average interval is longer (8.7 polls in 98 s; 7.9
in 88 s if generations are more regular), but intervals near the expected end are shorter, because a fixed interval of
10 s is 5 s late at best. For short and regular generations the average is shorter, too: 9 s with a median of 70 s, 6 s
with one of 40 s. To follow the advice strictly, set ``poll_interval`` to 10.

All intervals except ``poll_interval`` have jitter, so that waits that started together do not poll in lockstep. Jitter
only lengthens an interval: it never shortens the minimum interval or the service's ``Retry-After``. Only the last poll,
at the deadline, can come sooner.

With jitter, an interval ends at one of four ticks in a second, which all waits of a process share. A triggerer with
many waits then wakes up for several polls at once (timer coalescing): waking up for a single one costs as much as the
poll itself. An interval of two seconds has one or two ticks within its jitter, so such waits can stay together; then
the rate limit bounds how many poll at once.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import ClassVar

from airflow_provider_seedance.gptproto.durations import Estimate, ObservedDurations, duration_between
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    PredictionNotFoundError,
    SeedanceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.failures import failure
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.repeated_errors import RepeatedErrors
from airflow_provider_seedance.gptproto.responses import MAXIMUM_RETRY_AFTER

#: Shared by all pollers. SystemRandom has no state that uses memory per poller or repeats after a fork.
_RANDOM = random.SystemRandom()
#: Seconds between two ticks, and when they are in this process: so triggerers seldom poll at the same moments.
_TICK = 0.25
_PHASE = _RANDOM.uniform(0, _TICK)


@dataclass(frozen=True, slots=True)
class PollAgain:
    """
    The prediction is in progress; poll again.

    :param seconds: Interval until the next poll, in seconds.
    :param status_change: The change since the last poll, to be logged; ``None`` if nothing changed.
    """

    seconds: float
    status_change: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """
    The prediction succeeded and has outputs.

    :param prediction: The finished prediction.
    """

    prediction: Prediction


@dataclass(frozen=True, slots=True)
class GiveUp:
    """
    The wait ended without outputs.

    :param error: The reason; the caller raises it.
    """

    error: SeedanceError


Decision = PollAgain | Done | GiveUp


@dataclass(slots=True, kw_only=True)
class Poller:
    """
    The poll schedule of one prediction.

    Times are wall-clock seconds since the epoch, because a wait can continue in another process.

    :param prediction_id: The prediction to wait for.
    :param submitted_at: Time of the submission.
    :param deadline: Time to give up.
    :param expected_seconds: Usual duration of such a generation, from submission to result: the first guess.
    :param poll_interval: Fixed interval between polls, in seconds; ``None`` adapts to the expected duration.
    :param polls: Number of responses and errors so far; the response to the submission is the first.
    :param kind: The kind of the generation, for the observed durations; empty if it or the time of the submission is
        unknown: then nothing is learnt.
    :param durations: What waits of the same connection observed, and where this one adds its own duration.
    :param random: The source of the jitter.
    :param phase: When the ticks are, in seconds after a multiple of their distance.
    """

    #: The first poll, as a share of the expected duration.
    INITIAL_DELAY: ClassVar[float] = 0.4
    #: Interval between polls, as a share of the expected duration or, if longer, of the time since the submission.
    INTERVAL_SHARE: ClassVar[float] = 1 / 24
    #: Limits in seconds. The first one applies if the expected duration is far too high.
    MAXIMUM_INITIAL_DELAY: ClassVar[float] = 75.0
    MINIMUM_INTERVAL: ClassVar[float] = 7.5
    MAXIMUM_INTERVAL: ClassVar[float] = 30.0
    #: Interval while generations of the kind end, as a share of the range of the observed durations, and its limit.
    RANGE_SHARE: ClassVar[float] = 1 / 12
    MINIMUM_RANGE_INTERVAL: ClassVar[float] = 2.0
    #: Jitter lengthens an interval by up to this share.
    JITTER: ClassVar[float] = 0.2
    #: Seconds by which the poll of a generation that is not due yet yields to other polls, at most.
    MAXIMUM_YIELD: ClassVar[float] = 30.0
    #: Consecutive permanent errors, such as 401 or 404, that end the wait, and the seconds that they have to last:
    #: a few may be a transient fault of a gateway.
    MAXIMUM_PERMANENT_ERRORS: ClassVar[int] = 3
    MINIMUM_PERMANENT_SECONDS: ClassVar[float] = 10.0
    #: The same for "not found". A service that has just accepted a prediction may not find it for some time.
    MAXIMUM_NOT_FOUND: ClassVar[int] = 5
    MINIMUM_NOT_FOUND_SECONDS: ClassVar[float] = 30.0
    #: Consecutive polls with an unknown status and outputs, after which the status counts as a success.
    MAXIMUM_UNKNOWN_WITH_OUTPUTS: ClassVar[int] = 3
    #: A failure is believed only after so many responses over so many seconds: one wrong response must not give up a
    #: generation that is paid for and goes on. Three polls at the confirmation interval cover these seconds.
    MINIMUM_FAILURES: ClassVar[int] = 3
    MINIMUM_FAILURE_SECONDS: ClassVar[float] = 10.0
    CONFIRMATION_INTERVAL: ClassVar[float] = 5.0
    #: Extra polls after a success without outputs, before it counts as failed.
    MAXIMUM_EMPTY_SUCCESSES: ClassVar[int] = 5

    prediction_id: str
    submitted_at: float
    deadline: float
    expected_seconds: float
    poll_interval: float | None = None
    polls: int = 0
    kind: str = ""
    durations: ObservedDurations = field(default_factory=ObservedDurations, repr=False)
    random: random.Random = field(default=_RANDOM, repr=False)
    phase: float = field(default=_PHASE, repr=False)
    last: Prediction | None = None
    _last_error: str = ""
    _last_without_outputs: float = 0.0
    _errors: RepeatedErrors = field(default_factory=RepeatedErrors)
    _permanent_in_row: int = 0
    _permanent_since: float = 0.0
    _unknown_with_outputs: int = 0
    _empty_successes: int = 0
    _failures: int = 0
    _first_failure_at: float = 0.0

    def remaining(self, now: float) -> float:
        """Return the seconds until the deadline."""
        return max(self.deadline - now, 0.0)

    def yields(self, now: float) -> float:
        """Return the seconds by which the next poll yields to those of other waits: until the expected end."""
        return min(max(self.submitted_at + self._expected.seconds - now, 0.0), self.MAXIMUM_YIELD)

    def first_poll(self, now: float) -> PollAgain:
        """Return the interval until the first poll of a prediction that is in progress."""
        self._permanent_in_row = 0
        status_change = self._status_change(self.last) if self.last else f"In progress, expected after {self._expected}"
        return PollAgain(self._until_deadline(self._next_interval(now), now), status_change)

    def on_prediction(self, prediction: Prediction, now: float) -> Decision:
        """Return the decision after a successful poll."""
        previous_status = self.last.reported_status if self.last else None
        self.last = prediction
        self.polls += 1
        self._errors.pause()
        self._last_error = ""
        self._permanent_in_row = 0
        if prediction.is_complete:
            return self._done(prediction, now)
        if not prediction.outputs:
            self._last_without_outputs = self._elapsed(now)
        is_nameless = prediction.status is PredictionStatus.UNKNOWN and bool(prediction.outputs)
        self._unknown_with_outputs = self._unknown_with_outputs + 1 if is_nameless else 0
        if self._unknown_with_outputs >= self.MAXIMUM_UNKNOWN_WITH_OUTPUTS:
            return self._done(replace(prediction, status=PredictionStatus.SUCCEEDED), now)
        if prediction.status is PredictionStatus.SUCCEEDED:
            self._empty_successes += 1
            if self._empty_successes > self.MAXIMUM_EMPTY_SUCCESSES:
                return GiveUp(failure(prediction))
        has_changed = prediction.reported_status != previous_status
        status_change = self._status_change(prediction) if has_changed else None
        if prediction.has_failed:
            return self._confirm(failure(prediction), now, status_change)
        self._failures = 0
        return self._poll_again_or_time_out(now, self._next_interval(now), status_change)

    def on_error(self, error: SeedanceError, now: float) -> Decision:
        """Return the decision after a failed poll; the generation itself continues."""
        self.polls += 1
        self._last_error = error.what
        status_change = self._errors.add("Poll failed", error.what, now=now, until=self.deadline)
        self._permanent_in_row = 0 if error.retryable else self._permanent_in_row + 1
        if self._permanent_in_row == 1:
            self._permanent_since = now
        if isinstance(error, ContentPolicyError):
            return self._confirm(error, now, status_change)
        errors, seconds = self.MAXIMUM_PERMANENT_ERRORS, self.MINIMUM_PERMANENT_SECONDS
        if isinstance(error, PredictionNotFoundError):
            errors, seconds = self.MAXIMUM_NOT_FOUND, self.MINIMUM_NOT_FOUND_SECONDS
        if self._permanent_in_row >= errors and now - self._permanent_since >= seconds:
            return GiveUp(error)
        retry_after = self._with_jitter(min(error.retry_after or 0.0, MAXIMUM_RETRY_AFTER), now)
        return self._poll_again_or_time_out(now, max(self._interval(now), retry_after), status_change)

    def _confirm(self, error: SeedanceError, now: float, status_change: str | None) -> Decision:
        """
        Give up once the failure was seen often and long enough; until then poll again soon.

        A failure that is not confirmed at the deadline is not believed: the wait times out, and a retry confirms it.
        """
        if not self._failures:
            self._first_failure_at = now
        self._failures += 1
        is_old = now - self._first_failure_at >= self.MINIMUM_FAILURE_SECONDS
        if is_old and self._failures >= self.MINIMUM_FAILURES:
            return GiveUp(error)
        if now >= self.deadline:
            return self._time_out(f"the last response was not confirmed in time: {error.what}")
        interval = self._with_jitter(self.CONFIRMATION_INTERVAL, now)
        return PollAgain(self._until_deadline(interval, now), status_change)

    def _done(self, prediction: Prediction, now: float) -> Done:
        seconds = duration_between(self._last_without_outputs, self._elapsed(now), prediction.inference_seconds)
        # Between two polls that are far apart the middle is no duration: it would mislead all other waits.
        is_coarse = self.poll_interval is not None and self.poll_interval > self.MINIMUM_INTERVAL
        if seconds is not None and not is_coarse:
            self.durations.observe(self.kind, self.expected_seconds, seconds)
        return Done(prediction)

    @staticmethod
    def _status_change(prediction: Prediction) -> str:
        is_known = prediction.status is not PredictionStatus.UNKNOWN
        note = "" if is_known else " (status not known, counts as in progress)"
        return f"Status {prediction.reported_status or 'missing'}{note}"

    def _poll_again_or_time_out(self, now: float, interval: float, status_change: str | None) -> Decision:
        if now >= self.deadline:
            return self._time_out()
        return PollAgain(self._until_deadline(interval, now), status_change)

    def _time_out(self, reason: str | None = None) -> GiveUp:
        reported = (self.last.reported_status or "without a status") if self.last else None
        status = f"it was {reported} at the last successful poll" if reported else "no poll succeeded"
        status += f"; the last poll failed: {self._last_error}" if self._last_error else ""
        what = f"The prediction did not finish in {self.deadline - self.submitted_at:.0f} s; {reason or status}"
        return GiveUp(WaitTimeoutError(what, prediction_id=self.prediction_id, charge=Charge.ACCEPTED))

    def _until_deadline(self, interval: float, now: float) -> float:
        """Return the interval, cut at the deadline for one last poll: the video may be ready by then."""
        return min(interval, self.remaining(now))

    def _next_interval(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        initial_delay = min(self.INITIAL_DELAY * self._expected.seconds, self.MAXIMUM_INITIAL_DELAY)
        return max(self._with_jitter(initial_delay - self._elapsed(now), now), self._interval_by_range(now))

    def _interval_by_range(self, now: float) -> float:
        """Return the interval by when such generations ended; the usual one if that says nothing."""
        usual, elapsed, between = self._interval(now), self._elapsed(now), self._expected.between
        # Repeated odd responses must span some time before they are believed.
        is_odd = self._empty_successes or self._unknown_with_outputs
        if between is None or is_odd or elapsed > between[1]:
            return usual
        shortest, longest = between
        if elapsed < shortest:
            until_shortest = min(shortest - elapsed, self.MAXIMUM_INTERVAL)
            return self._with_jitter(max(until_shortest, self.MINIMUM_RANGE_INTERVAL), now)
        share = self.RANGE_SHARE * (longest - shortest)
        return min(usual, self._with_jitter(max(share, self.MINIMUM_RANGE_INTERVAL), now))

    def _interval(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        interval = self.INTERVAL_SHARE * max(self._expected.seconds, self._elapsed(now))
        return self._with_jitter(min(max(interval, self.MINIMUM_INTERVAL), self.MAXIMUM_INTERVAL), now)

    @property
    def _expected(self) -> Estimate:
        return self.durations.expected(self.kind, self.expected_seconds)

    def _elapsed(self, now: float) -> float:
        """Return the seconds since the submission, at least 0: the clock of another machine may be behind."""
        return max(now - self.submitted_at, 0.0)

    def _with_jitter(self, seconds: float, now: float) -> float:
        """Return an interval that is longer by the jitter, and ends at a tick if one is within the jitter."""
        first, last = now + seconds, now + seconds * (1 + self.JITTER)
        ticks = range(math.ceil((first - self.phase) / _TICK), math.floor((last - self.phase) / _TICK) + 1)
        end = self.random.choice(ticks) * _TICK + self.phase if ticks else self.random.uniform(first, last)
        return max(end - now, seconds)
