"""The poller of a task that waits for its prediction."""

from __future__ import annotations

from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.times import UsualTime
from airflow_provider_seedance.tasks.options import WaitOptions


def new_poller(wait: WaitOptions, prediction_id: str, submitted_at: float, now: float, usual: UsualTime) -> Poller:
    """
    Return the poller of a wait.

    :param submitted_at: When the prediction was submitted, in seconds since the epoch, as ``now``.
    :param usual: The usual time of such a generation.
    """
    deadline = submitted_at + wait.budget_seconds
    return Poller(
        prediction_id=prediction_id,
        submitted_at=submitted_at,
        # A retry after a timeout gets a budget of its own, or it could never succeed.
        deadline=deadline if deadline > now else now + wait.budget_seconds,
        expected_seconds=usual.seconds,
        kind=usual.kind,
        poll_interval=wait.poll_interval_seconds,
    )
