"""
Random tries of two tasks that share idempotency keys: nothing is paid without an excuse that the documentation gives.

Between the tries keys, arguments, options and the ledger of the connection change, tasks are cleared and their runs are
created again. The emulator's ledger is the judge. The excuses are those of docs/guide/the-same-video-only-once.md,
docs/guide/pick-up-retry-clear.md and docs/when-things-break.md.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from airflow_provider_seedance.gptproto.errors import SeedanceError
from tests.unit.airflow.accounts import Account, move_ledger
from tests.unit.airflow.driving import FakeStore, Run
from tests.unit.airflow.world import LOST, REFUSED, KilledError, Post, StoreError, World
from tests.versions import needs_store

#: The emulator refuses the audio of the last one after it accepted the submission.
PROMPTS = ("A paper boat", "A kite", "A drum [policy-audio]")
KEYS = ("boat/1", "boat/2", None)
LEDGERS = ("s3://first", "s3://second")
#: What fails in a try, and how: one call each.
FAULTS = (
    *((("polls", "killed"),) * 4),
    *(("submits", name) for name in (*REFUSED, *LOST)),
    *(("end", name) for name in ("failed", "expired", "unknown")),
    *(
        (f"write {number}", name)
        for number in range(4)
        for name in ("fails", "applied, fails", "killed", "applied, killed")
    ),
    *(("reads", "fails"), ("deletes", "fails")),
)
TASKS = st.sampled_from(["A", "B"])
FAULT = st.sampled_from([None] * len(FAULTS) + list(FAULTS))


def is_refused_later(parameters: dict[str, Any]) -> bool:
    """Return whether the emulator refuses the audio of a request, after it accepted the submission."""
    return "[policy-audio]" in parameters["prompt"] and parameters.get("generate_audio") is not False


@dataclass
class Watched(World):
    """A world that notes which predictions a try asks for."""

    polled: list[str] = field(default_factory=list)

    def _poll(self, request: httpx.Request) -> httpx.Response:
        prediction_id = request.url.path.split("/")[-2]
        self.polled.append(prediction_id)
        if self.end in ("failed", "expired") and is_refused_later(self.ledger[prediction_id]["parameters"]):
            # It has one end.
            self.end = None
        return super()._poll(request)


@dataclass(frozen=True)
class Place:
    """Where a try looks for its generation: in a ledger by key, or by task; without a ledger in Airflow's store."""

    ledger: str | None
    generation: str


@dataclass
class Task:
    """A task of the account, and what its author has set."""

    name: str
    options: dict[str, Any]
    store: FakeStore | None
    run: Run
    prompt: str = PROMPTS[0]
    key: str | None = KEYS[0]
    mutes: bool = False
    #: The submission that the task went on with last, where, and after how many clears; only of this DAG run.
    last: Paid | None = None
    last_place: Place | None = None
    last_clears: int = 0


@dataclass
class Paid:
    """A submission that was not refused."""

    post: Post
    task: str
    place: Place
    prompt: str
    has_audio: bool
    clears: int
    #: Whether the submission of the same request before it in the same place is unconfirmed.
    is_resubmission: bool
    is_delivered: bool = False
    #: No call of a store failed when it was delivered.
    is_delivery_recorded: bool = False
    #: Whether its task was cleared since it went on with it last.
    is_cleared: bool = False


class SharedKeys(RuleBasedStateMachine):
    """Two tasks, two keys, two ledgers."""

    has_store = True

    @initialize(
        deferrable=st.booleans(),
        on_clear=st.sampled_from(["reuse", "regenerate"]),
        on_unconfirmed=st.sampled_from(["fail", "resubmit"]),
        on_lost=st.sampled_from(["fail", "resubmit"]),
    )
    def begin(self, deferrable: bool, on_clear: str, on_unconfirmed: str, on_lost: str) -> None:
        self.world = Watched(on_post=self.judge, has_ledger=True)
        self.account = Account(deferrable, self.world)
        options = {
            "on_clear": on_clear,
            "on_unconfirmed_submission": on_unconfirmed,
            "on_lost_prediction": on_lost,
            "timeout": 600.0,
        }
        self.tasks = {name: Task(name, options, self.new_store(), Run(run_id=name)) for name in "AB"}
        self.ledger: str | None = LEDGERS[0]
        move_ledger(self.account, LEDGERS[0])
        self.paid: list[Paid] = []
        self.twice: list[str] = []
        self.trying = self.tasks["A"]

    def new_store(self) -> FakeStore | None:
        return FakeStore() if self.has_store else None

    # What a payment needs.

    def place(self, task: Task) -> Place:
        return Place(self.ledger, task.key or f"task {task.name}")

    def newest(self, place: Place) -> Paid | None:
        return next((paid for paid in reversed(self.paid) if paid.place == place), None)

    def judge(self, post: Post) -> None:
        task, place = self.trying, self.place(self.trying)
        before = self.newest(place)
        has_audio = post.parameters.get("generate_audio") is not False
        is_same = before is not None and (before.prompt, before.has_audio) == (task.prompt, has_audio)
        paid = Paid(
            post,
            task.name,
            place,
            task.prompt,
            has_audio,
            clears=task.run.clear_number,
            is_resubmission=is_same and before is not None and not self.is_recorded(before),
        )
        why = self.missing_excuse(task, paid, before)
        if why:
            self.twice.append(f"{why}: {paid}, after {before}, last {task.last}")
        self.paid.append(paid)
        task.last, task.last_place, task.last_clears = paid, place, task.run.clear_number

    def missing_excuse(self, task: Task, new: Paid, before: Paid | None) -> str:
        """Return why a submission must not be; empty if it may."""
        last, last_place, is_cleared = task.last, task.last_place, task.last_clears != task.run.clear_number
        if before is not None:
            is_same = (before.prompt, before.has_audio) == (new.prompt, new.has_audio)
            if is_same and not self.may_repeat(task, before, new):
                return "the same generation"
            if not is_same and not self.may_replace(task, before, new):
                return "another request"
        if last is None or last_place is None or last_place == new.place:
            return ""
        if self.has_store and last_place.ledger is not None and last_place.ledger != new.place.ledger:
            return "the ledger has moved"
        if not self.has_store and (
            last_place.ledger != new.place.ledger or last_place.generation != f"task {task.name}"
        ):
            return ""
        # A video without audio is that of the request with audio while the task mutes.
        is_same = last.prompt == new.prompt and (task.mutes or last.has_audio == new.has_audio)
        # A record from before the ledger goes on in the ledger.
        goes_on = last_place.ledger is None and self.may_repeat(task, last, new)
        has_failed = self.has_failed(last) or self.has_failed(self.newest(last_place) or last)
        return "another key" if is_same and not (is_cleared or goes_on or has_failed) else ""

    def may_repeat(self, task: Task, before: Paid, new: Paid) -> bool:
        """Return whether the same request may be paid again."""
        is_own = before.task == task.name
        if is_own and before.is_cleared and before.is_delivered and task.options["on_clear"] == "regenerate":
            return True
        if not self.is_recorded(before):
            is_first = not before.is_resubmission or (is_own and before.clears != task.run.clear_number)
            return task.options["on_unconfirmed_submission"] == "resubmit" and is_first
        if self.end_of(before) == "unknown":
            return task.options["on_lost_prediction"] == "resubmit" and not before.is_delivery_recorded
        if self.is_audio_refused(before):
            return is_own and before.is_cleared and not task.mutes
        return self.has_failed(before) and not before.is_delivered

    def may_replace(self, task: Task, before: Paid, new: Paid) -> bool:
        """Return whether another request may be paid."""
        if before.prompt == new.prompt and task.mutes:
            # The same without audio: once the audio was refused, and never again with audio.
            return not new.has_audio and self.is_audio_refused(before)
        return task.key is None or self.has_failed(before)

    def is_recorded(self, paid: Paid) -> bool:
        stores = [json.dumps(task.store.writes) for task in self.tasks.values() if task.store]
        return paid.post.id is not None and any(paid.post.id in text for text in (*self.world.written, *stores))

    def end_of(self, paid: Paid) -> str | None:
        return self.world.ends.get(paid.post.id or "")

    def is_audio_refused(self, paid: Paid) -> bool:
        return paid.post.id is not None and is_refused_later(paid.post.parameters)

    def has_failed(self, paid: Paid) -> bool:
        return self.end_of(paid) in ("failed", "expired") or self.is_audio_refused(paid)

    # What happens.

    def attempt(self, task: Task) -> list[str] | None:
        """Run one try, and return what it delivers."""
        self.trying, self.began, self.world.wrong, self.world.polled = task, self.world.now, 0, []
        self.account.state_store = task.store
        outputs = None
        # The ledger says what a try paid that fails.
        with suppress(KilledError, SeedanceError, AirflowFailException, StoreError):
            outputs = self.account.run(
                task.run,
                has_ledger=self.ledger is not None,
                prompt=task.prompt,
                idempotency_key=task.key,
                on_audio_refusal="mute" if task.mutes else "fail",
                **task.options,
            )
        for paid in self.paid:
            if paid.post.id in self.world.polled:
                # A record from before the ledger stays in Airflow's store.
                task.last, task.last_place, task.last_clears = paid, paid.place, task.run.clear_number
        return outputs

    def fail(self, fault: tuple[str, str] | None) -> None:
        """Let one call of the next try fail, or none."""
        world = self.world
        world.submits, world.polls, world.reads, world.deletes, world.writes, world.end = [], [], [], [], [], None
        kind, how = fault or ("", "")
        if kind == "end":
            world.end = how
        elif kind.startswith("write"):
            world.writes = [("applied", 0)] * int(kind.split()[1]) + [(how, 0)]
        elif kind:
            setattr(world, kind, [how])

    def try_once(self, name: str, fault: tuple[str, str] | None) -> None:
        self.fail(fault)
        task, known = self.tasks[name], len(self.paid)
        due = None if fault else self.due(task)
        outputs = self.attempt(task)
        assert due is None or (outputs and due in outputs[0]), f"{due} is paid, and not delivered"
        if fault and fault[0].startswith("write") and len(self.paid) == known:
            self.note_intent(task)
        for paid in self.paid:
            if paid.task == name and paid.post.id in self.world.polled and fault is None:
                paid.is_cleared = False
            # A try can be killed after it has published the videos.
            if paid.post.id and paid.post.id in task.run.xcoms.get("video_url", ""):
                paid.is_delivered = True
                paid.is_delivery_recorded |= outputs is not None and fault is None

    def due(self, task: Task) -> str | None:
        """Return the id of what a try without faults must deliver, because it is paid; ``None`` if nothing."""
        place = self.place(task)
        paid = self.newest(place)
        # Without notes, a generation without a key keeps each later key from being used.
        if task.store is None or paid is None or not self.is_recorded(paid) or self.end_of(paid):
            return None
        # A submission that was refused is noted, too: the task then fails in another ledger, and pays nothing.
        has_moved = any(ledger in text for ledger in {*LEDGERS} - {self.ledger} for text in task.store.values.values())
        if has_moved or task.last_place not in (None, place):
            return None
        is_wanted = paid.prompt == task.prompt and (paid.has_audio or task.mutes)
        regenerates = paid.is_cleared and task.options["on_clear"] == "regenerate"
        return paid.post.id if is_wanted and not self.is_audio_refused(paid) and not regenerates else None

    def note_intent(self, task: Task) -> None:
        """Note an intent that was recorded and never sent: nobody can know that."""
        if task.last and task.last.prompt != task.prompt:
            # Other arguments are noted before their intent is recorded.
            task.last = None
        for entry in self.entries():
            if entry["state"] == "reserved" and entry["record"]["submitted_at"] > self.began:
                self.judge(Post(None, is_answered=False, parameters=entry["purchase"]["parameters"]))

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(text) for name, text in self.world.values.items() if "generations/" in name]

    @rule(name=TASKS, fault=FAULT)
    def try_again(self, name: str, fault: tuple[str, str] | None) -> None:
        self.try_once(name, fault)

    @rule(name=TASKS)
    def clear(self, name: str) -> None:
        self.tasks[name].run.clear()
        for paid in self.paid:
            if paid.task == name:
                paid.is_cleared = True

    @rule(name=TASKS)
    def create_run_again(self, name: str) -> None:
        """Delete the run and create it again: a ledger keeps what it had, and Airflow's store does not."""
        task = self.tasks[name]
        task.run, task.store, task.last, task.last_place = Run(run_id=name), self.new_store(), None, None
        self.paid = [paid for paid in self.paid if paid.task != name or paid.place.ledger is not None]

    @rule(name=TASKS, key=st.sampled_from(KEYS), fault=FAULT)
    def try_with_key(self, name: str, key: str | None, fault: tuple[str, str] | None) -> None:
        self.tasks[name].key = key if self.ledger else None
        self.try_once(name, fault)

    @rule(name=TASKS, prompt=st.sampled_from(PROMPTS), fault=FAULT)
    def try_with_prompt(self, name: str, prompt: str, fault: tuple[str, str] | None) -> None:
        self.tasks[name].prompt = prompt
        self.try_once(name, fault)

    @rule(name=TASKS, mutes=st.booleans())
    def change_muting(self, name: str, mutes: bool) -> None:
        self.tasks[name].mutes = mutes

    @rule(ledger=st.sampled_from([*LEDGERS, None]))
    def change_ledger(self, ledger: str | None) -> None:
        if ledger is None and not self.has_store:
            return
        self.ledger = ledger
        if ledger is not None:
            move_ledger(self.account, ledger)
            return
        # A key needs a ledger.
        for task in self.tasks.values():
            task.key = None

    @invariant()
    def no_submission_without_an_excuse(self) -> None:
        assert not getattr(self, "twice", []), self.twice


class SharedKeysWithoutStore(SharedKeys):
    """Airflow below 3.3 notes nothing: of keys that change, only one that was added is noticed."""

    has_store = False


SETTINGS = settings(
    stateful_step_count=12, max_examples=settings().max_examples // 4, suppress_health_check=list(HealthCheck)
)
SharedKeys.TestCase.settings = SharedKeysWithoutStore.TestCase.settings = SETTINGS
TestSharedKeys = needs_store(SharedKeys.TestCase)
TestSharedKeysWithoutStore = SharedKeysWithoutStore.TestCase


@needs_store
def test_payment_without_an_excuse_is_detected() -> None:
    machine = SharedKeys()
    machine.begin(deferrable=False, on_clear="reuse", on_unconfirmed="fail", on_lost="fail")
    machine.try_again("A", fault=None)
    machine.world.values.clear()
    machine.try_again("B", fault=("deletes", "fails"))
    with pytest.raises(AssertionError, match="the same generation"):
        machine.no_submission_without_an_excuse()
