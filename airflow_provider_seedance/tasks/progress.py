"""How far a try has come, for ``on_kill``: nothing can be cancelled, so it says what goes on and is billed."""

from __future__ import annotations

from dataclasses import dataclass

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_seedance.gptproto.errors import Charge
from airflow_provider_seedance.gptproto.flows import Log


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

        :raises AirflowException: When it was.
        """
        if self.is_stopped:
            raise AirflowException("The task was stopped before its submission was sent. Nothing was charged.")

    def stop(self, log: Log) -> None:
        """Send nothing from now on, and log what cannot be stopped."""
        self.is_stopped = True
        if self.is_sending:
            log.warning(
                "Stopped while a submission was on its way. %s Look for it in the GPTProto dashboard. "
                "If submissions are recorded, neither a retry nor a clear of this task submits again",
                Charge.POSSIBLE.value,
            )
        if self.waiting_for is not None:
            log.warning(still_running(self.waiting_for))


def still_running(prediction_id: str) -> str:
    """Return the message about a generation whose task was stopped."""
    return (
        f"Prediction {prediction_id} goes on at GPTProto and is billed: a generation cannot be cancelled. "
        f'To pick it up, run a task with prediction_id="{prediction_id}". If submissions are recorded, '
        "clearing this task does the same."
    )
