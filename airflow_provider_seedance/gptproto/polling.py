"""
When to look next and when to give up: pure decisions for operator, sensor and trigger.

A :class:`Poller` is fed an answer or an error together with the time and returns what to do: :class:`PollAgain` in so
many seconds, :class:`Done` with the finished prediction, or :class:`GiveUp` with the reason. It does no I/O and has no
clock of its own.

With E the expected time and t the time since the submission, the first look comes at 0.4 E, but at 75 s at the latest,
and every later one after max(E, t) / 24, but after 7.5 s at the earliest and 30 s at the latest. So most generations
are looked for every 7.5 s once they can be expected to end, and the polls thin out where one takes minutes.
``python -m benchmarks.schedule`` simulates what that costs, for kinds of generations with medians of 60-120 s:

- With E right, it takes 8.7 polls and finds the video 4.4 s late on average. A fixed interval of 10 s takes 10.3 polls
  and is 5.1 s late; exponential back-off, the usual choice, is 14 s late.
- With E four times too high, it is 17.5 s late; without the latest first look it would be a minute.
- With E four times too low, it takes 12 polls and is 4.3 s late.
- A generation of an hour takes 140 polls where a fixed interval of 10 s takes 360, and is found 17 s late.

ByteDance advises to look no more often than every 10 s. With E right that is kept on average, 8.7 polls in 98 s, but
not between two polls near the expected end: whoever polls every 10 s is 5 s late at best. An author who wants to keep
to the letter of it sets an interval of 10 s.

Everything but an author's own interval is jittered, so that waits which began together drift apart. Jitter only
lengthens a pause, so it undercuts neither the shortest pause nor the service's ``Retry-After``; only the last look, at
the deadline, can follow sooner.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import ClassVar

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    GenerationExpiredError,
    GenerationFailedError,
    MissingOutputsError,
    SeedanceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus

#: One for all waits: it has no state of its own, which a thousand of them would have to keep and forks would share.
_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class PollAgain:
    """
    Ask again.

    :param seconds: In how many seconds.
    :param news: What changed since the last look, worth one line in the log; ``None`` where nothing did.
    """

    seconds: float
    news: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """
    The wait is over and there are videos.

    :param prediction: The finished prediction.
    """

    prediction: Prediction


@dataclass(frozen=True, slots=True)
class GiveUp:
    """
    The wait is over without videos.

    :param error: Why, to be raised.
    """

    error: SeedanceError


Decision = PollAgain | Done | GiveUp


@dataclass(slots=True, kw_only=True)
class Poller:
    """
    One wait for one prediction.

    Times are seconds since the epoch, of the wall clock, because a wait outlives the process that began it.

    :param prediction_id: What is waited for.
    :param submitted_at: When it was submitted.
    :param deadline: When to give up.
    :param expected_seconds: How long such a generation usually takes from submission to result.
    :param poll_interval: Seconds between polls, exactly, as the author wants it; ``None`` adapts to the expected time.
    :param polls: How many answers and errors it was fed so far; the submission's answer is the first.
    """

    #: Share of the expected time that passes before the first look.
    INITIAL_DELAY: ClassVar[float] = 0.4
    #: Pause between two polls, as a share of the expected time, or of the time that passed where that is longer.
    INTERVAL_SHARE: ClassVar[float] = 1 / 24
    #: Bounds, in seconds: the longest hold, in case the expectation is far too high, and the pause between polls.
    MAXIMUM_INITIAL_DELAY: ClassVar[float] = 75.0
    MINIMUM_INTERVAL: ClassVar[float] = 7.5
    MAXIMUM_INTERVAL: ClassVar[float] = 30.0
    #: A pause becomes longer by up to this share of it, never shorter.
    JITTER: ClassVar[float] = 0.2
    #: How many permanent answers in a row, such as 401, end the wait; one may be a passing fault of a gateway.
    PERMANENT_ANSWERS: ClassVar[int] = 3
    #: How often a success without outputs is asked for again before it counts as failed.
    EMPTY_SUCCESSES: ClassVar[int] = 5

    prediction_id: str
    submitted_at: float
    deadline: float
    expected_seconds: float
    poll_interval: float | None = None
    polls: int = 0
    random: random.Random = field(default=_RANDOM, repr=False)
    last: Prediction | None = None
    _errors_in_row: int = 0
    _permanent_in_row: int = 0
    _empty_successes: int = 0

    @property
    def due_at(self) -> float:
        """When the result, or else the deadline, is expected: of many waits the earliest polls first."""
        return min(self.submitted_at + self.expected_seconds, self.deadline)

    def begin(self, now: float) -> PollAgain:
        """Return when to look first, given that the prediction was just seen in progress."""
        self._errors_in_row = self._permanent_in_row = 0
        news = self._status_change(self.last) if self.last else "is in progress"
        return PollAgain(self._until_deadline(self._pause(now), now), news)

    def on_prediction(self, prediction: Prediction, now: float) -> Decision:
        """Decide on an answer."""
        before = self.last.reported_status if self.last else None
        self.last = prediction
        self.polls += 1
        self._errors_in_row = self._permanent_in_row = 0
        if prediction.is_complete:
            return Done(prediction)
        if prediction.status is PredictionStatus.SUCCEEDED:
            self._empty_successes += 1
            if self._empty_successes > self.EMPTY_SUCCESSES:
                return GiveUp(failure(prediction))
        elif prediction.status.is_final:
            return GiveUp(failure(prediction))
        news = self._status_change(prediction) if prediction.reported_status != before else None
        return self._look_again_or_time_out(now, self._pause(now), news)

    def on_error(self, error: SeedanceError, now: float) -> Decision:
        """Decide on a look that failed; the generation itself goes on meanwhile."""
        self.polls += 1
        self._errors_in_row += 1
        self._permanent_in_row = 0 if error.retryable else self._permanent_in_row + 1
        if isinstance(error, ContentPolicyError) or self._permanent_in_row >= self.PERMANENT_ANSWERS:
            return GiveUp(error)
        wish = (error.retry_after or 0.0) * self._jitter()
        pause = max(self._interval(now), wish)
        news = f"could not be asked ({error.what})" if self._errors_in_row == 1 else None
        return self._look_again_or_time_out(now, pause, news)

    @staticmethod
    def _status_change(prediction: Prediction) -> str:
        is_known = prediction.status is not PredictionStatus.UNKNOWN
        known = "" if is_known else ", a status not known here: in progress"
        return f"is {prediction.reported_status or 'without a status'}{known}"

    def _look_again_or_time_out(self, now: float, pause: float, news: str | None) -> Decision:
        if now >= self.deadline:
            reported = (self.last.reported_status or "without a status") if self.last else None
            status = f"it was {reported} when last seen" if reported else "it was never seen"
            what = f"The prediction did not finish in {self.deadline - self.submitted_at:.0f} s; {status}"
            return GiveUp(WaitTimeoutError(what, prediction_id=self.prediction_id, charge=Charge.ACCEPTED))
        return PollAgain(self._until_deadline(pause, now), news)

    def _until_deadline(self, pause: float, now: float) -> float:
        """Return a pause that ends at the deadline at the latest, for one last look: a video may be ready by then."""
        return min(pause, max(self.deadline - now, 0.0))

    def _pause(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        hold = min(self.INITIAL_DELAY * self.expected_seconds, self.MAXIMUM_INITIAL_DELAY) - self._elapsed(now)
        return max(hold * self._jitter(), self._interval(now))

    def _interval(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        pause = self.INTERVAL_SHARE * max(self.expected_seconds, self._elapsed(now))
        return min(max(pause, self.MINIMUM_INTERVAL), self.MAXIMUM_INTERVAL) * self._jitter()

    def _elapsed(self, now: float) -> float:
        """Return how long ago the submission was; another machine's clock may be behind the one that took its time."""
        return max(now - self.submitted_at, 0.0)

    def _jitter(self) -> float:
        return self.random.uniform(1, 1 + self.JITTER)


def failure(prediction: Prediction) -> SeedanceError:
    """
    Return the error that a prediction which ended without a video means.

    :param prediction: One that failed or expired, or succeeded without outputs.
    """
    if prediction.status is PredictionStatus.SUCCEEDED:
        what = "The prediction succeeded, but no output came with it"
        return MissingOutputsError(what, prediction_id=prediction.id, charge=Charge.ACCEPTED)
    detail = prediction.error
    reason = f": {detail.message}" if detail and detail.message else ""
    what = f"The generation ended as {prediction.reported_status}{reason}".rstrip(".")
    if prediction.status is PredictionStatus.EXPIRED:
        return GenerationExpiredError(what, prediction_id=prediction.id, charge=Charge.FAILED)
    if detail and detail.is_audio_policy:
        advice = "The generated sound was refused: set generate_audio to false, or change the prompt."
        return ContentPolicyError(what, prediction_id=prediction.id, charge=Charge.FAILED, advice=advice)
    if detail and (detail.is_policy or "503" in detail.codes):
        return ContentPolicyError(what, prediction_id=prediction.id, charge=Charge.FAILED)
    return GenerationFailedError(what, prediction_id=prediction.id, charge=Charge.FAILED)
