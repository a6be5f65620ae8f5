"""
Random tries of one task: one generation is paid once, whatever fails and whenever the process dies (idempotency).

The emulator's ledger is the judge. A booking after the first one needs an excuse: the earlier prediction really failed,
or the author chose to pay again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.gptproto.errors import SeedanceError
from tests.unit.airflow.driving import Run
from tests.unit.airflow.world import (
    LOST,
    NOISE,
    REFUSED,
    WRONG,
    KilledError,
    Operator,
    Post,
    StoreError,
    World,
    connected,
)
from tests.versions import needs_store

TIMEOUT = 600.0
SUBMITS = st.lists(st.sampled_from(["accepted", *REFUSED, *LOST]), max_size=3)
POLLS = st.lists(st.sampled_from(["true", "killed", *WRONG, *NOISE]), max_size=8)
READS = st.lists(st.sampled_from(["works", "works", "fails"]), max_size=2)
#: A write that is applied late is applied so many calls later, also after newer writes.
WRITE = st.sampled_from(
    ["applied", "applied", "fails", "applied, fails", "late", "killed", "applied, killed", "late, killed"]
)
WRITES = st.lists(st.tuples(WRITE, st.integers(1, 9)), max_size=5)


@dataclass
class Paid:
    """A submission that was not refused, and what allows another one."""

    post: Post
    max_tries: int
    is_resubmission: bool
    is_delivered: bool = False
    #: Whether its delivery was surely recorded: no call of the store failed.
    is_delivery_recorded: bool = False
    is_cleared_to_regenerate: bool = False


class OneTask(RuleBasedStateMachine):
    """One task instance through tries, deferrals, crashes, clears and failures of the service and the store."""

    has_ledger = False

    @initialize(
        deferrable=st.booleans(),
        on_clear=st.sampled_from(["reuse", "regenerate"]),
        on_unconfirmed=st.sampled_from(["fail", "resubmit"]),
        on_lost=st.sampled_from(["fail", "resubmit"]),
    )
    def begin(self, deferrable: bool, on_clear: str, on_unconfirmed: str, on_lost: str) -> None:
        self.run, self.world = Run(), World(on_post=self.judge, has_ledger=self.has_ledger)
        self.arguments: dict[str, Any] = {
            "deferrable": deferrable,
            "on_clear": on_clear,
            "on_unconfirmed_submission": on_unconfirmed,
            "on_lost_prediction": on_lost,
            "timeout": TIMEOUT,
        }
        #: The newest submission, those of the newest try, and submissions without an excuse.
        self.paid: Paid | None = None
        self.posts: list[Post] = []
        self.twice: list[str] = []
        self.message = ""
        #: Whether Airflow runs the task: after a success only if it is cleared or the success is lost.
        self.is_due = True

    def judge(self, post: Post) -> None:
        """Find the excuse for a submission at the moment when the service gets it."""
        earlier, max_tries = self.paid, self.run.max_tries
        is_known = earlier is None or self.is_recorded(earlier.post)
        if earlier is not None and not self.is_excused(earlier):
            self.twice.append(f"{earlier} and now {post}")
        self.paid = Paid(post, max_tries, is_resubmission=not is_known)
        self.posts.append(post)

    def is_excused(self, paid: Paid) -> bool:
        if paid.is_cleared_to_regenerate:
            return True
        if not self.is_recorded(paid.post):
            is_first = not paid.is_resubmission or paid.max_tries != self.run.max_tries
            return self.arguments["on_unconfirmed_submission"] == "resubmit" and is_first
        match self.end_of(paid.post):
            case "failed" | "expired":
                return not paid.is_delivered
            case "unknown":
                return self.arguments["on_lost_prediction"] == "resubmit" and not paid.is_delivery_recorded
        return False

    def is_recorded(self, post: Post) -> bool:
        """Return whether the store ever had the id."""
        return post.id is not None and any(post.id in text for text in self.world.written)

    def end_of(self, post: Post) -> str | None:
        return self.world.ends.get(post.id or "")

    def attempt(self, **arguments: Any) -> list[str] | None:
        """Run one try, and return what it delivers."""
        world, run = self.world, self.run
        self.posts, self.message, world.wrong = [], "", 0
        operator = Operator(**{"task_id": "make_video", "prompt": "A paper boat", **self.arguments, **arguments})
        world.newest_try = run.tries + 1
        outputs = None
        with connected(world):
            try:
                outputs = run.try_once(operator, task_state_store=world.state_store())
            except KilledError:
                self.check_ids([*world.logged, *world.values.values()])
            except (SeedanceError, AirflowFailException, StoreError, ConnectionError) as error:
                self.message = str(error)
                self.check_ids([self.message, json.dumps(run.xcoms), *world.values.values()])
                is_own = not isinstance(error, StoreError | ConnectionError)
                assert not is_own or re.search(r"[Nn]othing was charged|bill|may have been started", self.message)
        if self.paid is not None and str(self.paid.post.id) in run.xcoms.get("video_url", ""):
            self.paid.is_delivered = True
        self.is_due = outputs is None
        return outputs

    def check_ids(self, places: list[str]) -> None:
        """Check that each id that the try received is where the user or the next try finds it."""
        for post in self.posts:
            assert not post.is_answered or any(str(post.id) in each for each in places), f"lost: {post}"

    @precondition(lambda self: self.is_due)
    @rule(
        submits=SUBMITS,
        polls=POLLS,
        reads=READS,
        writes=WRITES,
        end=st.sampled_from([None, None, "failed", "expired", "unknown"]),
        seconds=st.sampled_from([3.0, 60.0, 2 * TIMEOUT]),
        pushes_before_failure=st.sampled_from([None, None, None, 0, 1, 2]),
    )
    def try_with_faults(
        self,
        submits: list[str],
        polls: list[str],
        reads: list[str],
        writes: list[tuple[str, int]],
        end: str | None,
        seconds: float,
        pushes_before_failure: int | None,
    ) -> None:
        self.world.submits, self.world.polls, self.world.reads, self.world.writes = submits, polls, reads, writes
        self.world.end, self.world.service.settings = end, Settings(seconds_running=seconds)
        self.run.pushes_before_failure = pushes_before_failure
        self.attempt()

    def remove_faults(self) -> None:
        self.world.submits, self.world.polls, self.world.reads, self.world.writes = [], [], [], []
        self.world.end, self.world.service.settings = None, Settings()
        self.world.now += 2 * TIMEOUT
        self.run.pushes_before_failure = None

    @precondition(lambda self: self.is_due)
    @rule(pause=st.integers(0, 9))
    def try_without_faults(self, pause: int) -> None:
        """After any failure the task delivers what was paid for, or ends with an error that says what to do."""
        self.remove_faults()
        for _ in range(pause):
            self.world.step()
        paid, record = self.paid, self.world.record
        is_alive = paid is not None and paid.post.id is not None and self.end_of(paid.post) is None
        outputs = self.attempt()
        if outputs is None:
            assert not self.posts
            assert not (is_alive and paid and str(paid.post.id) in record), "not delivered"
            # A write that failed may be applied later: then the record is an intent that was never sent.
            is_intent = '"prediction_id": null' in record
            if (
                paid is not None
                and self.end_of(paid.post) is not None
                and self.is_recorded(paid.post)
                and not is_intent
            ):
                assert "does not know the prediction" in self.message or "not available any more" in self.message
            else:
                assert "prediction_id set to its id" in self.message
            return
        assert self.paid is not None
        self.paid.is_delivery_recorded = True
        assert str(self.paid.post.id) in outputs[0]
        if is_alive and paid and str(paid.post.id) in record and not paid.is_cleared_to_regenerate:
            assert not self.posts, "another generation instead of the recorded one"

    @precondition(lambda self: self.is_due and self.paid and self.paid.post.id and not self.end_of(self.paid.post))
    @rule()
    def set_prediction_id(self) -> None:
        """Go on with an unconfirmed submission by its id."""
        self.remove_faults()
        assert self.paid is not None
        outputs = self.attempt(prediction_id=self.paid.post.id)
        assert outputs
        assert str(self.paid.post.id) in outputs[0]
        assert not self.posts

    @precondition(lambda self: self.is_due)
    @rule()
    def try_other_arguments_that_are_refused(self) -> None:
        self.remove_faults()
        self.world.submits, before = ["refused"], self.world.record
        # A late write of an earlier try may be applied during this one.
        is_quiet = not self.world.late
        self.attempt(prompt="A kite")
        assert re.search("Nothing was charged|This try charged nothing", self.message)
        assert self.paid is None or "Nothing was charged" not in self.message
        assert not before or not is_quiet or self.world.record == before

    @rule()
    def clear(self) -> None:
        self.run.clear()
        self.is_due = True
        if self.paid is not None and self.paid.is_delivered and self.arguments["on_clear"] == "regenerate":
            self.paid.is_cleared_to_regenerate = True

    @rule()
    def clear_another_task_or_lose_the_success(self) -> None:
        """Airflow runs a task again, without a clear, if the worker dies before it reports the success."""
        self.run.clear_number += 1
        self.is_due = True

    @invariant()
    def no_submission_without_an_excuse(self) -> None:
        assert not getattr(self, "twice", [])


class OneTaskWithLedger(OneTask):
    has_ledger = True


SETTINGS = settings(stateful_step_count=15, suppress_health_check=list(HealthCheck))
OneTask.TestCase.settings = OneTaskWithLedger.TestCase.settings = SETTINGS
TestOneTask = needs_store(OneTask.TestCase)
TestOneTaskWithLedger = OneTaskWithLedger.TestCase


@needs_store
def test_a_second_booking_is_detected() -> None:
    machine = OneTask()
    machine.begin(deferrable=False, on_clear="reuse", on_unconfirmed="fail", on_lost="fail")
    machine.attempt()
    machine.world.values.clear()
    machine.attempt()
    with pytest.raises(AssertionError, match="and now"):
        machine.no_submission_without_an_excuse()
