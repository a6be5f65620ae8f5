"""The wait of a task for its prediction: its poller, and the poll after the trigger's wait."""

from __future__ import annotations

import time

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.polling import Decision, GiveUp, Poller, failure
from airflow_provider_seedance.gptproto.times import UsualTime
from airflow_provider_seedance.tasks.options import WaitOptions


def poll_confirmed(client: GPTProtoClient, poller: Poller) -> Decision:
    """Get the prediction after the trigger's wait; after a temporary error the wait goes on in the triggerer."""
    try:
        prediction = client.get_confirmed(poller.prediction_id, deadline=poller.deadline)
    except SeedanceError as error:
        if not error.retryable:
            raise
        return poller.on_error(error, time.time())
    return GiveUp(failure(prediction)) if prediction.has_failed else poller.on_prediction(prediction, time.time())


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
