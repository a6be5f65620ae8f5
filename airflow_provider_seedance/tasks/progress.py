"""The progress of a try, for ``on_kill``: a generation cannot be cancelled, so the log names it if it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_seedance.gptproto.errors import Charge
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.tasks.records.state_store import advice_on_clear


@dataclass(slots=True)
class Progress:
    """
    The state of one try. Airflow calls ``on_kill`` from a signal handler, in the middle of the work.

    :param is_stopped: Whether the task was killed: nothing is sent from then on.
    :param is_sending: Whether a submission was sent and its response is not recorded yet.
    :param waiting_for: The id of the prediction that the try waits for.
    """

    is_stopped: bool = False
    is_sending: bool = False
    waiting_for: str | None = None

    def check_not_stopped(self) -> None:
        """
        Refuse to send a submission after the task was killed.

        :raises AirflowException: When the task was killed.
        """
        if self.is_stopped:
            raise AirflowException("The task was stopped before its submission was sent. Nothing was charged.")

    def stop(self, log: Log) -> None:
        """Block further submissions, and log the generation that goes on."""
        self.is_stopped = True
        if self.is_sending:
            message = (
                f"Stopped while a submission was on its way. {Charge.POSSIBLE.value} Search for the generation in the "
                "GPTProto dashboard. If submissions are recorded, a retry or a clear of this task does not submit "
                f"again. {advice_on_clear()}"
            )
            log.warning(message.rstrip())
        if self.waiting_for is not None:
            log.warning(still_running(self.waiting_for))


def still_running(prediction_id: str) -> str:
    """Return the message about a generation whose task was stopped."""
    return (
        f"Prediction {prediction_id} goes on at GPTProto and is billed: a generation cannot be cancelled. "
        f'To pick it up, run a task with prediction_id="{prediction_id}". If submissions are recorded, '
        f"clearing this task does the same. {advice_on_clear()}"
    ).rstrip()
