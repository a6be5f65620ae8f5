"""How often a task instance may submit, over all its tries: the option ``max_submissions``."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_seedance.gptproto.errors import Charge, SubmissionLimitError
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.records.submission import Submission


@dataclass(frozen=True, slots=True)
class SubmissionLimit:
    """
    The limit of a task instance.

    With a record its submissions are counted, and each clear grants one more. Without a record each earlier try counts
    with all that it may have submitted.

    :param maximum: The most submissions; ``None`` for no limit.
    :param submissions_a_try: The submissions that one try can make.
    """

    maximum: int | None
    submissions_a_try: int

    @classmethod
    def of(cls, options: GenerationOptions) -> SubmissionLimit:
        """Return the limit of a task with these options."""
        return cls(options.max_submissions, 2 if options.on_audio_refusal == "mute" else 1)

    def possible(self, tries: int) -> int:
        """Return how many submissions so many tries may have made without a record."""
        return self.submissions_a_try * tries

    def most(self, tries: int) -> int:
        """Return how often so many tries of a task instance submit at the most, without a clear."""
        possible = self.possible(tries)
        return possible if self.maximum is None else min(possible, self.maximum)

    def is_reached(self, recorded: Submission) -> bool:
        """Return whether the task instance of a record may not submit again."""
        return self.maximum is not None and recorded.submissions >= self.maximum + recorded.clears

    def is_reached_after(self, tries: int) -> bool:
        """Return whether the task instance may not submit again after so many tries without a record."""
        return self.maximum is not None and self.possible(tries) >= self.maximum

    def check(self, recorded: Submission | None, *, max_tries: int | None, reason: str | None) -> None:
        """
        Check that the task instance may submit once more.

        :param recorded: The record; ``None`` without one.
        :param max_tries: ``max_tries`` of the task instance.
        :param reason: Why the task submits again.
        :raises SubmissionLimitError: When it may not.
        """
        if recorded is None or not self.is_reached(recorded.seen_by(max_tries)):
            return
        times = "once" if recorded.submissions == 1 else f"{recorded.submissions} times"
        what = f"The task instance may not submit again: it has submitted {times}, max_submissions is {self.maximum}"
        charge = Charge.POSSIBLE if recorded.prediction_id is None else Charge.EARLIER
        raise SubmissionLimitError(f"{what}, and {reason}", charge=charge)

    def check_after(self, tries: int) -> None:
        """
        Check that the task instance may submit once more where no record is kept.

        :param tries: The number of earlier tries.
        :raises SubmissionLimitError: When it may not.
        """
        if self.is_reached_after(tries):
            what = (
                f"The task instance may not submit again: this is try {tries + 1}, max_submissions is {self.maximum}, "
                "and each earlier try counts, because no record of its submission is kept"
            )
            raise SubmissionLimitError(what, charge=Charge.POSSIBLE)
