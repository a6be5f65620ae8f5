"""The deferral of a task to the triggerer, and its resumption, for operators and sensors alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowException

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context

    from airflow_provider_seedance.tasks.outcomes import Outcome

#: The method that Airflow names when it ends a deferral with an error.
_AIRFLOW_FAILS = "__fail__"


class DeferrableTask:
    """A mixin for tasks that wait for a prediction in the triggerer; before Airflow's class in the bases."""

    seedance_conn_id: str
    operator_extra_links: Collection[BaseOperatorLink]
    #: The report of the leg before, as a dict; ``None`` where Airflow did not hand it on, as in ``dag.test()``.
    handed_on: Any = None

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral. If Airflow ended the wait, the error names the prediction and the bill."""
        # Not an argument of execute_complete, so that subclasses can override that as usual.
        kwargs = dict(next_kwargs or {})
        if next_method == "execute_complete":
            self.handed_on = kwargs.pop("report", None)
        try:
            return super().resume_execution(next_method, kwargs, context)  # type: ignore[misc]  # of Airflow's class
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

        if isinstance(outcome, Deliver):
            return outcome.outputs
        if isinstance(outcome, Submitted):
            return outcome.prediction_id
        if isinstance(outcome, AwaitBudget):
            from airflow_provider_seedance.triggers.budget import defer_until_reset

            return defer_until_reset(self, outcome.resets_at)  # type: ignore[arg-type]  # of Airflow's class
        from airflow_provider_seedance.triggers.seedance import defer_poller

        # A link without an address would be written to XCom.
        self.operator_extra_links = ()
        return defer_poller(
            self,  # type: ignore[arg-type]  # of Airflow's class
            outcome.poller,
            self.seedance_conn_id,
            outcome.ledger,
            outcome.report,
        )
