"""
Run a task like Airflow, but without Airflow's processes.

Messages pass through JSON. Each leg of each try is a new operator object, which renders its templates, without the
attributes that an earlier leg set.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context, TaskDeferred
from airflow.triggers.base import BaseTrigger

from tests.versions import HAS_STORE


@dataclass
class FakeStore:
    """A task state store that stores JSON values."""

    values: dict[str, str] = field(default_factory=dict)
    writes: list[Any] = field(default_factory=list)

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.values[key] = json.dumps(value)
        self.writes.append(value)


class WorkerDiedError(BaseException):
    """The process of the try was killed."""


@dataclass
class FailingStore(FakeStore):
    """A state store whose writes fail, or whose caller dies before or after a write."""

    failures: list[str] = field(default_factory=list)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self._write("set", lambda: super(FailingStore, self).set(key, value))

    def _write(self, name: str, write: Any) -> None:
        failure = self.failures.pop(0) if self.failures else "none"
        if failure == "fails":
            raise ConnectionError(f"the API server is away: {name}")
        if failure == "dies before":
            raise WorkerDiedError(name)
        write()
        if failure == "dies after":
            raise WorkerDiedError(name)


@dataclass
class Run:
    """One task instance over all its tries, with the state that outlives a try."""

    store: FakeStore | None = field(default_factory=lambda: FakeStore() if HAS_STORE else None)
    #: As Airflow counts it: a clear of this task instance raises it, and nothing else does.
    max_tries: int = 0
    #: Clears of any task of the DAG run.
    clear_number: int = 0
    tries: int = 0
    xcoms: dict[str, Any] = field(default_factory=dict)
    deferrals: list[TaskDeferred] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    #: Whether the arguments of a deferral reach the next leg; ``dag.test()`` drops them.
    hands_on: bool = True
    #: The error that a pull from XCom raises.
    pull_failure: Exception | None = None
    outlets: list[Any] = field(default_factory=list)
    outlet_events: Any = None
    #: How many pushes to XCom succeed before one fails; ``None`` lets all succeed.
    pushes_before_failure: int | None = None
    #: The operator of the last leg.
    operator: Any = None
    run_id: str = "run"
    map_index: int = -1
    #: The last leg's ``map_index_template``, which Airflow renders after the work.
    label: str | None = None

    def clear(self) -> None:
        """Clear this task instance."""
        self.max_tries = self.tries
        self.clear_number += 1

    def context(self, **values: Any) -> Context:
        """Return a context with values for templates."""
        context: Any = {
            "ti": SimpleNamespace(
                dag_id="dag",
                run_id=self.run_id,
                task_id="task",
                map_index=self.map_index,
                try_number=self.tries,
                max_tries=self.max_tries,
                xcom_push=self._push,
                xcom_pull=self._pull,
            ),
            "dag_run": SimpleNamespace(clear_number=self.clear_number),
            "task_state_store": self.store,
            "outlets": self.outlets,
            "outlet_events": self.outlet_events,
            **values,
        }
        return context  # type: ignore[no-any-return]

    def _push(self, key: str, value: Any) -> None:
        if self.pushes_before_failure is not None:
            if self.pushes_before_failure == 0:
                self.pushes_before_failure = None
                raise ConnectionError(f"the API server is away: {key}")
            self.pushes_before_failure -= 1
        self.xcoms[key] = json.loads(json.dumps(value))

    def _pull(self, *, task_ids: str, map_indexes: int, key: str) -> Any:
        assert (task_ids, map_indexes) == ("task", self.map_index)
        if self.pull_failure is not None:
            raise self.pull_failure
        return self.xcoms.get(key)

    def try_once(self, operator: BaseOperator, **values: Any) -> Any:
        """Render and execute a task, running its triggers, until it returns or raises."""
        self.xcoms.clear()
        self.tries += 1
        try:
            return self._run_leg(operator, lambda leg, context: leg.execute(context), values)
        except TaskDeferred as first:
            deferred = first
        while True:
            self.deferrals.append(deferred)
            kwargs = json.loads(json.dumps(deferred.kwargs or {})) if self.hands_on else {}
            kwargs["event"] = self._fire(deferred.trigger)
            try:
                return self._run_leg(operator, partial(_resume, method=deferred.method_name, kwargs=kwargs), values)
            except TaskDeferred as again:
                deferred = again

    def _run_leg(
        self, operator: BaseOperator, work: Callable[[BaseOperator, Context], Any], values: dict[str, Any]
    ) -> Any:
        self.operator = copy.copy(operator)
        context = self.context(task=self.operator, **values)
        self.operator.render_template_fields(context)
        result = work(self.operator, context)
        if self.operator.map_index_template is not None:
            self.label = self.operator.get_template_env().from_string(self.operator.map_index_template).render(context)
        return result

    def _fire(self, trigger: BaseTrigger) -> Any:
        path, arguments = trigger.serialize()
        restored = resolve_name(path)(**json.loads(json.dumps(arguments)))
        events = asyncio.run(collect(restored))
        assert len(events) == 1, "a trigger fires exactly once"
        payload = json.loads(json.dumps(events[0].payload))
        self.events.append(payload)
        return payload


def _resume(operator: BaseOperator, context: Context, *, method: str, kwargs: dict[str, Any]) -> Any:
    return operator.resume_execution(method, kwargs, context)


async def collect(trigger: BaseTrigger) -> list[Any]:
    """Return every event of a trigger."""
    return [event async for event in trigger.run()]
