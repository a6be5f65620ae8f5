"""Evaluate the result of a scenario with the emulator's ledger; pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.system.cluster.plan import prompt


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    Result of a scenario.

    :param scenario: Name of the scenario.
    :param requested: Number of generations.
    :param booked: Submissions in the ledger.
    :param delivered: Task instances that succeeded and returned the address of their own prediction.
    :param tries: Tries of all task instances together.
    :param seconds: Duration of the run.
    :param lost: Task instances that neither delivered nor reported an unconfirmed submission.
    :param unconfirmed: Task instances that failed with an unconfirmed submission: perhaps paid, not delivered.
    :param booked_twice: Task instances with more than one submission in the ledger.
    :param notes: Further lines for the table.
    """

    scenario: str
    requested: int
    booked: int
    delivered: int
    tries: int
    seconds: float
    lost: int
    unconfirmed: int
    booked_twice: int
    notes: tuple[str, ...] = ()

    @property
    def is_in_order(self) -> bool:
        """Whether no generation is lost and none is paid twice."""
        return not self.lost and not self.booked_twice


def evaluate(
    scenario: str,
    dag_id: str,
    tasks: Sequence[Mapping[str, Any]],
    outputs: Mapping[int, Sequence[str]],
    submissions: Iterable[Mapping[str, Any]],
    *,
    seconds: float,
    unconfirmed: Collection[int] = (),
    notes: tuple[str, ...] = (),
) -> Row:
    """
    Return the result of a run.

    :param scenario: Name of the scenario.
    :param dag_id: Id of the DAG, which is part of its prompts.
    :param tasks: The run's task instances, as Airflow's API returns them.
    :param outputs: Return values of successful task instances, by map index.
    :param submissions: The ledger.
    :param seconds: Duration of the run.
    :param unconfirmed: Map indices of the task instances whose log reports an unconfirmed submission.
    :param notes: Further lines for the table.
    """
    ledger: dict[str, list[str]] = {}
    for entry in submissions:
        ledger.setdefault(entry["parameters"]["prompt"], []).append(entry["id"])
    delivered, lost, not_confirmed, booked_twice = 0, 0, 0, 0
    for task in tasks:
        index = task["map_index"]
        booked = ledger.get(prompt(dag_id, index), [])
        booked_twice += len(booked) > 1
        returned = [address.split("/")[-2] for address in outputs.get(index, ())]
        if task["state"] == "success" and len(returned) == 1 and returned[0] in booked:
            delivered += 1
        elif index in unconfirmed:
            not_confirmed += 1
        else:
            lost += 1
    return Row(
        scenario=scenario,
        requested=len(tasks),
        booked=sum(map(len, ledger.values())),
        delivered=delivered,
        tries=sum(task["try_number"] for task in tasks),
        seconds=seconds,
        lost=lost,
        unconfirmed=not_confirmed,
        booked_twice=booked_twice,
        notes=notes,
    )


def maximum_running(submissions: Iterable[Mapping[str, Any]]) -> int:
    """
    Return the maximum number of simultaneous generations, from submission to end.

    :param submissions: The ledger, in which all generations have ended.
    """
    changes: list[tuple[float, int]] = []
    for entry in submissions:
        times = entry["times"].values()
        changes += [(min(times), 1), (max(times), -1)]
    # At equal times, an end counts before a submission, because it frees the slot.
    running = maximum = 0
    for _, change in sorted(changes):
        running += change
        maximum = max(maximum, running)
    return maximum


def table(rows: Iterable[Row]) -> str:
    """Format rows as a text table."""
    columns = ("booked", "delivered", "tries", "seconds", "lost", "unconfirmed", "booked twice")
    lines = [" ".join([f"{'scenario':50}", *columns])]
    for row in rows:
        figures = (
            row.booked,
            row.delivered,
            row.tries,
            round(row.seconds),
            row.lost,
            row.unconfirmed,
            row.booked_twice,
        )
        lines.append(
            " ".join(
                [f"{row.scenario:50}", *(f"{each:{len(name)}}" for name, each in zip(columns, figures, strict=True))]
            )
        )
        lines += [f"    {note}" for note in row.notes]
    return "\n".join(lines)
