"""
When to look next and when to give up: pure decisions for operator, sensor and trigger.

A :class:`Wait` is fed an answer or an error together with the time and returns what to do: :class:`LookAgain` in so
many seconds, :class:`Done` with the finished prediction, or :class:`GiveUp` with the reason. It does no I/O and has no
clock of its own.

The rhythm comes from measurement: hold for half of the expected time, then look every tenth or so of it. That takes
fewer polls than a fixed interval of ten seconds and finds the result sooner; exponential back-off is the worst of all.
Everything but an author's own interval is jittered, so that waits which began together drift apart.
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


@dataclass(frozen=True, slots=True)
class LookAgain:
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


Decision = LookAgain | Done | GiveUp


@dataclass(slots=True, kw_only=True)
class Wait:
    """
    One wait for one prediction.

    Times are seconds since the epoch, of the wall clock, because a wait outlives the process that began it.

    :param prediction_id: What is waited for.
    :param submitted_at: When it was submitted.
    :param deadline: When to give up.
    :param expected_seconds: How long such a generation usually takes from submission to result.
    :param poll_interval: Seconds between looks, exactly, as the author wants it; ``None`` adapts to the expected time.
    """

    #: Share of the expected time that passes before the first look, and between two looks after it.
    HOLD: ClassVar[float] = 0.5
    RHYTHM: ClassVar[float] = 0.08
    #: Bounds, in seconds: the longest hold, in case the expectation is far too high, and the pause between looks.
    LONGEST_HOLD: ClassVar[float] = 120.0
    SHORTEST_PAUSE: ClassVar[float] = 2.0
    LONGEST_PAUSE: ClassVar[float] = 30.0
    #: A pause is drawn from this much around its length.
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
    random: random.Random = field(default_factory=random.Random, repr=False)
    last: Prediction | None = None
    polls: int = 0
    _errors_in_row: int = 0
    _permanent_in_row: int = 0
    _empty_successes: int = 0

    def begin(self, now: float) -> LookAgain:
        """Return when to look first, given that the prediction was just seen in progress."""
        return LookAgain(self._until_deadline(self._pause(now), now))

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
        news = None
        if prediction.reported_status != before:
            known = (
                "" if prediction.status is not PredictionStatus.UNKNOWN else ", a status not known here: in progress"
            )
            news = f"is {prediction.reported_status or 'without a status'}{known}"
        return self._look_again_or_time_out(now, self._pause(now), news)

    def on_error(self, error: SeedanceError, now: float) -> Decision:
        """Decide on a look that failed; the generation itself goes on meanwhile."""
        self.polls += 1
        self._errors_in_row += 1
        self._permanent_in_row = 0 if error.retryable else self._permanent_in_row + 1
        if isinstance(error, ContentPolicyError) or self._permanent_in_row >= self.PERMANENT_ANSWERS:
            return GiveUp(error)
        wish = (error.retry_after or 0.0) * self.random.uniform(1, 1 + self.JITTER)
        pause = max(self._rhythm(), wish)
        news = f"could not be asked ({error.what})" if self._errors_in_row == 1 else None
        return self._look_again_or_time_out(now, pause, news)

    def _look_again_or_time_out(self, now: float, pause: float, news: str | None) -> Decision:
        if now >= self.deadline:
            reported = (self.last.reported_status or "without a status") if self.last else None
            status = f"it was {reported} when last seen" if reported else "it was never seen"
            what = f"The prediction did not finish in {self.deadline - self.submitted_at:.0f} s; {status}"
            return GiveUp(WaitTimeoutError(what, prediction_id=self.prediction_id, charge=Charge.ACCEPTED))
        return LookAgain(self._until_deadline(pause, now), news)

    def _until_deadline(self, pause: float, now: float) -> float:
        """Return a pause that ends at the deadline at the latest, for one last look: a video may be ready by then."""
        return min(pause, max(self.deadline - now, 0.0))

    def _pause(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        # Another machine's clock may be behind the one that took the time of the submission.
        elapsed = max(now - self.submitted_at, 0.0)
        hold = min(self.HOLD * self.expected_seconds, self.LONGEST_HOLD) - elapsed
        return max(hold * self._jitter(), self._rhythm())

    def _rhythm(self) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        rhythm = min(max(self.RHYTHM * self.expected_seconds, self.SHORTEST_PAUSE), self.LONGEST_PAUSE)
        return rhythm * self._jitter()

    def _jitter(self) -> float:
        return self.random.uniform(1 - self.JITTER, 1 + self.JITTER)


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
