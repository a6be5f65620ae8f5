"""What came of a scenario, judged by the emulator's ledger; pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.system.cluster.plan import prompt


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    What came of a scenario.

    :param scenario: Its name.
    :param wanted: How many generations were asked for.
    :param booked: Submissions in the ledger.
    :param delivered: How many task instances succeeded and handed on the address of their own prediction.
    :param tries: Tries of the task instances, all together.
    :param seconds: How long the run took.
    :param lost: How many task instances neither delivered nor said that nobody knows what became of their submission.
    :param unconfirmed: How many failed and said that a submission may have been accepted: paid perhaps, not delivered.
    :param booked_twice: How many task instances were booked more than once.
    :param notes: What else there is to say.
    """

    scenario: str
    wanted: int
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
        """Whether nothing was lost and nothing paid twice."""
        return not self.lost and not self.booked_twice


def judge(
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
    Return what came of a run.

    :param scenario: Its name.
    :param dag_id: The DAG, whose prompts tell its generations from others.
    :param tasks: The run's task instances, as Airflow's API returns them.
    :param outputs: What those that succeeded returned, by map index.
    :param submissions: The ledger.
    :param seconds: How long the run took.
    :param unconfirmed: Map indices of those whose log says that a submission may have been accepted.
    :param notes: What else there is to say.
    """
    ledger: dict[str, list[str]] = {}
    for entry in submissions:
        ledger.setdefault(entry["parameters"]["prompt"], []).append(entry["id"])
    delivered, lost, told, booked_twice = 0, 0, 0, 0
    for task in tasks:
        index = task["map_index"]
        booked = ledger.get(prompt(dag_id, index), [])
        booked_twice += len(booked) > 1
        returned = [address.split("/")[-2] for address in outputs.get(index, ())]
        if task["state"] == "success" and len(returned) == 1 and returned[0] in booked:
            delivered += 1
        elif index in unconfirmed:
            told += 1
        else:
            lost += 1
    return Row(
        scenario=scenario,
        wanted=len(tasks),
        booked=sum(map(len, ledger.values())),
        delivered=delivered,
        tries=sum(task["try_number"] for task in tasks),
        seconds=seconds,
        lost=lost,
        unconfirmed=told,
        booked_twice=booked_twice,
        notes=notes,
    )


def most_at_once(submissions: Iterable[Mapping[str, Any]]) -> int:
    """
    Return how many generations were under way at once, from their booking to their end.

    :param submissions: The ledger, in which all have ended.
    """
    changes: list[tuple[float, int]] = []
    for entry in submissions:
        times = entry["times"].values()
        changes += [(min(times), 1), (max(times), -1)]
    # An end at the time of a booking comes first: the slot is free by then.
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def table(rows: Iterable[Row]) -> str:
    """Return rows as text."""
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
