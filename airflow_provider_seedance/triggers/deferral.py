"""The deferral of a task to the triggerer, and its resumption, for operators and sensors alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowException

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.tasks.outcomes import Outcome

#: The method that Airflow names when it ends a deferral with an error.
_AIRFLOW_FAILS = "__fail__"


class DeferrableTask:
    """A mixin for tasks that wait for a prediction in the triggerer; before Airflow's class in the bases."""

    seedance_conn_id: str

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral. If Airflow ended the wait, the error names the prediction and the bill."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)  # type: ignore[misc]  # of Airflow's class
        except AirflowException as error:
            if next_method != _AIRFLOW_FAILS:
                raise
            self.fail_wait(error, context)

    def fail_wait(self, error: AirflowException, context: Context) -> NoReturn:
        """
        Raise the error of this provider for a wait that Airflow ended.

        :param error: Airflow's error, which names neither the prediction nor the bill.
        """
        raise NotImplementedError

    def finish(self, outcome: Outcome) -> list[str] | str:
        """Return the task's value, or defer."""
        from airflow_provider_seedance.tasks.outcomes import AwaitBudget, Deliver, Submitted
        from airflow_provider_seedance.triggers.seedance import defer_poller

        if isinstance(outcome, Deliver):
            return outcome.outputs
        if isinstance(outcome, Submitted):
            return outcome.prediction_id
        if isinstance(outcome, AwaitBudget):
            from airflow_provider_seedance.triggers.budget import defer_until_reset

            return defer_until_reset(self, outcome.resets_at)  # type: ignore[arg-type]  # of Airflow's class
        return defer_poller(self, outcome.poller, self.seedance_conn_id, outcome.ledger)  # type: ignore[arg-type]  # of Airflow's class
