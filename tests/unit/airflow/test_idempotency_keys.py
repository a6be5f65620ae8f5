"""
A generation with an idempotency key is paid once, whichever tasks, map indexes and runs ask for it.

The expected behaviour is that of idempotency keys in payment APIs: the same key with the same request returns the first
result, and the same key with another request is an error. The emulator's ledger is the judge.
"""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import ConnectionNotFoundError, SeedanceError
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError
from airflow_provider_seedance.ledger.store import Store
from tests.unit.airflow.accounts import KEY, Account, Interrupted, other_run
from tests.unit.airflow.driving import Run
from tests.unit.airflow.world import KilledError, Operator, WorldLedger, connected


@pytest.fixture
def account(deferrable: bool) -> Account:
    return Account(deferrable)


def test_another_run_gets_the_same_video_and_pays_nothing(account: Account) -> None:
    first, again = account.run(Run()), account.run(other_run())
    assert first == again
    assert len(account.booked) == 1


def test_each_run_pays_without_a_key(account: Account) -> None:
    account.run(Run(), idempotency_key=None)
    account.run(other_run(), idempotency_key=None)
    assert len(account.booked) == 2


def test_other_keys_are_other_generations(account: Account) -> None:
    account.run(Run())
    account.run(other_run(), idempotency_key="2026-11-27/sku-2")
    assert len(account.booked) == 2


def test_report_of_a_handed_over_generation_counts_no_submission(account: Account) -> None:
    first, again = Run(), other_run()
    account.run(first)
    account.run(again)
    assert (first.xcoms["prediction"]["submissions"], again.xcoms["prediction"]["submissions"]) == (1, 0)
    assert again.xcoms["prediction"]["total_cost_usd"] == 0.0
    assert again.xcoms["prediction_id"] == account.booked[0]


def test_same_key_with_another_request_names_both_and_pays_nothing(account: Account) -> None:
    account.run(Run())
    with pytest.raises(AirflowFailException) as caught:
        account.run(other_run(), prompt="A kite")
    message = str(caught.value)
    assert KEY in message
    assert account.booked[0] in message
    assert "run run" in message
    assert "run run 2" in message
    assert "Nothing was sent" in message
    assert len(account.booked) == 1


def test_key_is_free_for_another_request_after_the_generation_failed(account: Account) -> None:
    account.world.end = "failed"
    with pytest.raises(SeedanceError):
        account.run(Run(), max_submissions=1)
    outputs = account.run(other_run(), prompt="A kite")
    assert account.booked[1] in outputs[0]
    assert [entry["state"] for entry in account.entries] == ["failed", "succeeded"]


def test_key_is_free_for_another_request_after_a_refusal(account: Account) -> None:
    account.world.submits = ["refused"]
    with pytest.raises((SeedanceError, AirflowFailException)):
        account.run(Run())
    assert account.run(other_run(), prompt="A kite")
    assert [entry["state"] for entry in account.entries] == ["refused", "succeeded"]
    assert account.entries[0]["error"]


def test_key_is_free_after_a_failure_and_the_refusal_of_another_request(account: Account) -> None:
    account.world.end = "failed"
    with pytest.raises(SeedanceError):
        account.run(Run(), max_submissions=1)
    for prompt in ("A kite", "A kite in the rain"):
        account.world.submits = ["refused"]
        with pytest.raises((SeedanceError, AirflowFailException), match="400"):
            account.run(other_run(), prompt=prompt)
    account.run(other_run(), prompt="A kite at dawn")
    assert [entry["state"] for entry in account.entries] == ["failed", "refused", "refused", "succeeded"]


def test_key_is_not_free_after_the_refusal_of_a_later_submission(account: Account) -> None:
    own = Run()
    account.run(own)
    own.clear()
    account.world.submits = ["refused"]
    with pytest.raises((SeedanceError, AirflowFailException), match="400"):
        account.run(own, on_clear="regenerate")
    with pytest.raises(AirflowFailException, match="stands for another request"):
        account.run(other_run(), prompt="A kite")


def test_killed_submission_is_unconfirmed_for_every_task_with_the_key(account: Account) -> None:
    account.world.submits = ["killed after"]
    with pytest.raises(KilledError):
        account.run(Run())
    with pytest.raises(AirflowFailException, match="A generation may have been started and charged"):
        account.run(other_run())
    assert len(account.booked) == 1


def test_task_that_was_killed_during_its_wait_is_joined(account: Account) -> None:
    account.world.polls = ["killed"]
    with pytest.raises(KilledError):
        account.run(Run())
    outputs = account.run(other_run())
    assert account.booked[0] in outputs[0]
    assert len(account.booked) == 1


def test_clear_of_another_task_with_the_key_pays_nothing(account: Account) -> None:
    own, other = Run(), other_run()
    account.run(own)
    account.run(other, on_clear="regenerate")
    other.clear()
    account.run(other, on_clear="regenerate")
    assert len(account.booked) == 1


def test_clear_of_the_task_that_submitted_regenerates_for_all(account: Account) -> None:
    own, other = Run(), other_run()
    account.run(own, on_clear="regenerate")
    own.clear()
    second = account.run(own, on_clear="regenerate")
    assert account.run(other) == second
    assert len(account.booked) == 2


@pytest.mark.parametrize("blank", ["", "  ", "None", "{{ '' }}"])
def test_blank_key_is_refused_before_anything_is_sent(account: Account, blank: str) -> None:
    with pytest.raises(AirflowFailException, match="idempotency_key is blank"):
        account.run(Run(), idempotency_key=blank)
    assert not account.booked


def test_key_without_a_ledger_is_refused_before_anything_is_sent(account: Account) -> None:
    with pytest.raises(AirflowFailException, match="has no ledger"):
        account.run(Run(), has_ledger=False)
    assert not account.booked


def test_key_with_the_api_key_in_it_is_refused(account: Account) -> None:
    with pytest.raises(AirflowFailException) as caught:
        account.run(Run(), idempotency_key="sku-" + "sk-emulator")
    assert "sk-emulator" not in str(caught.value)
    assert not any("sk-emulator" in text for text in account.world.values.values())


def test_key_without_a_record_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="idempotency_key"):
        Operator(task_id="make_video", prompt="A paper boat", idempotency_key=KEY, durable=False)


def test_key_is_a_template(account: Account) -> None:
    account.run(Run(), idempotency_key="{{ ti.run_id }}/a")
    account.run(Run(), idempotency_key="run/a")
    assert len(account.booked) == 1


def test_entry_says_who_what_and_how_much(account: Account) -> None:
    account.run(Run())
    [entry] = account.entries
    assert entry["owner"] == {
        "dag_id": "dag",
        "run_id": "run",
        "task_id": "task",
        "map_index": -1,
        "region_id": "",
        "try_number": 1,
    }
    assert entry["idempotency_key"] == KEY
    assert entry["purchase"]["parameters"]["prompt"] == "A paper boat"
    assert entry["purchase"]["mode"] == "text-to-video"
    assert entry["prediction_id"] == account.booked[0]
    assert entry["state"] == "succeeded"
    assert account.booked[0] in entry["outputs"][0]


def test_error_class_is_not_retried() -> None:
    assert not IdempotencyKeyError.retryable


def test_video_is_delivered_if_the_ledger_cannot_be_opened_after_the_wait() -> None:
    account, opened = Account(deferrable=True), []

    def open_once(uri: str) -> WorldLedger:
        opened.append(uri)
        if len(opened) > 1:
            raise ConnectionNotFoundError("Airflow did not find the connection of the store")
        return WorldLedger(account.world)

    account.open_store = open_once
    outputs = account.run(Run())
    assert account.booked[0] in outputs[0]
    assert len(opened) == 2


def test_nothing_is_sent_if_the_ledger_cannot_be_opened(account: Account) -> None:
    def refuse(uri: str) -> Store:
        raise ConnectionNotFoundError("Airflow did not find the connection of the store")

    account.open_store = refuse
    with pytest.raises(ConnectionNotFoundError):
        account.run(Run())
    assert not account.booked


@pytest.mark.parametrize("length", [512, 2000])
def test_long_keys_stay_different(account: Account, length: int) -> None:
    account.run(Run(), idempotency_key="a" + "x" * length)
    account.run(other_run(), idempotency_key="b" + "x" * length)
    assert len(account.booked) == 2


def test_key_of_another_task_that_has_none_is_refused(account: Account) -> None:
    operator = Operator(task_id="make_video", prompt="A paper boat", idempotency_key="{{ params.sku }}")
    # As native rendering leaves it.
    operator.idempotency_key = None
    assert operator.generation_options().idempotency_key == ""


def test_limit_counts_the_submissions_of_the_task_itself(account: Account) -> None:
    account.world.end = "failed"
    with pytest.raises(SeedanceError):
        account.run(Run(), max_submissions=1)
    other = other_run()
    account.run(other, max_submissions=1)
    assert other.xcoms["prediction"]["submissions"] == 1
    assert other.xcoms["prediction"]["total_cost_usd"] == 0.499


def test_error_of_a_generation_of_another_task_names_that_task(account: Account) -> None:
    account.world.polls = ["true"]
    account.run(Run())
    account.world.end = "unknown"
    account.world.ends = {account.booked[0]: "unknown"}
    other = other_run()
    with pytest.raises(AirflowFailException, match="task task of DAG dag, run run submitted this generation"):
        account.run(other)
    assert len(account.booked) == 1


def test_unreadable_ledger_after_an_earlier_try_does_not_say_that_nothing_was_charged(account: Account) -> None:
    run = Run()
    account.world.polls = ["killed"]
    with pytest.raises(KilledError):
        account.run(run)
    account.world.reads = ["fails"] * 10
    with pytest.raises(SeedanceError) as caught:
        account.run(run)
    assert "Nothing was charged" not in str(caught.value)


def test_id_is_written_once_the_ledger_takes_it_again(account: Account) -> None:
    run = Run()
    # The reservation and the entry, then three attempts to write the id.
    account.world.writes = [("applied", 0), ("applied", 0), ("fails", 0), ("fails", 0), ("fails", 0)]
    with pytest.raises((SeedanceError, AirflowFailException), match=r"its id could not be recorded"):
        account.run(run)
    assert account.booked[0] in account.run(other_run())[0]
    assert len(account.booked) == 1


def test_reservation_is_withdrawn_at_the_next_attempt(account: Account) -> None:
    account.world.submits = ["refused"]
    account.world.deletes = ["fails"]
    with pytest.raises((SeedanceError, AirflowFailException)):
        account.run(Run())
    assert not [name for name in account.world.values if name.startswith("reservations/")]


def test_end_of_a_wait_for_the_budget_says_that_nothing_was_submitted() -> None:
    account, run = Account(deferrable=True), Run()
    operator = Operator(task_id="make_video", prompt="A paper boat", on_budget_exceeded="wait")
    with connected(account.world), pytest.raises(SeedanceError) as caught:
        operator.resume_execution("__fail__", {"error": "Trigger timeout"}, run.context())
    assert "Nothing was charged" in str(caught.value)
    assert "goes on" not in str(caught.value)


class TestMuteBesideAnotherTask:
    """Another task of the key submits while this one learns that the audio of their generation was refused."""

    LOUD = "A paper boat [policy-audio]"

    def test_generation_of_the_other_task_is_waited_for(self) -> None:
        account, first = Account(deferrable=True), Run()
        account.run(first, prompt=self.LOUD, wait_for_completion=False)
        booked_at_waits: list[int] = []

        def submit_again() -> None:
            first.clear()
            account.run(first, prompt=self.LOUD, wait_for_completion=False)
            booked_at_waits.append(len(account.booked))
            second.between = lambda: booked_at_waits.append(len(account.booked))

        second = Interrupted(run_id="run 2", between=submit_again)
        [url] = account.run(second, prompt=self.LOUD, on_audio_refusal="mute")
        # The other task's second generation ends first; its audio is refused, too.
        assert booked_at_waits == [2, 2]
        assert account.booked[2] in url
        assert len(account.booked) == 3

    def test_another_request_of_the_other_task_has_the_key(self) -> None:
        account, first = Account(deferrable=True), Run()
        account.run(first, prompt=self.LOUD, wait_for_completion=False)

        def submit_another_request() -> None:
            # That of the audio failed, so the key is free.
            with pytest.raises(AirflowFailException, match="output audio"):
                account.run(first, prompt=self.LOUD)
            account.run(first, prompt="A kite", wait_for_completion=False)

        second = Interrupted(run_id="run 2", between=submit_another_request)
        with pytest.raises(AirflowFailException, match="stands for another request") as caught:
            account.run(second, prompt=self.LOUD, on_audio_refusal="mute")
        assert account.booked[1] in str(caught.value)
        assert len(account.booked) == 2

    def test_generation_of_the_other_task_that_was_refused_as_well_is_muted(self) -> None:
        account, first = Account(deferrable=True), Run()
        account.run(first, prompt=self.LOUD, wait_for_completion=False)

        def submit_again_and_let_it_end() -> None:
            first.clear()
            account.run(first, prompt=self.LOUD, wait_for_completion=False)
            account.world.now += 600

        second = Interrupted(run_id="run 2", between=submit_again_and_let_it_end)
        [url] = account.run(second, prompt=self.LOUD, on_audio_refusal="mute")
        assert account.booked[2] in url
        assert len(account.booked) == 3

    def test_failed_generation_of_the_other_task_does_not_pay_for_the_audio_again(self) -> None:
        account, first = Account(deferrable=True), Run()
        account.run(first, prompt=self.LOUD, wait_for_completion=False)

        def fail_with_another_request() -> None:
            with pytest.raises(AirflowFailException, match="output audio"):
                account.run(first, prompt=self.LOUD)
            account.world.end = "failed"
            with pytest.raises(SeedanceError):
                account.run(first, prompt="A kite", max_submissions=2)

        second = Interrupted(run_id="run 2", between=fail_with_another_request)
        [url] = account.run(second, prompt=self.LOUD, on_audio_refusal="mute")
        assert [entry["purchase"]["parameters"].get("generate_audio") for entry in account.entries] == [
            None,
            None,
            False,
        ]
        assert account.booked[2] in url


class TestLimitOfTasksWithOneKey:
    """A clear grants one submission, whatever other tasks of the key did meanwhile."""

    def test_generation_of_another_task_hides_no_clear(self, account: Account) -> None:
        own, other = Run(), other_run()
        for number, run in enumerate((own, other, own), start=1):
            with pytest.raises(SeedanceError, match="ended as failed"):
                account.run(run, prompt="A paper boat [fail]", max_submissions=1)
            assert len(account.booked) == number
            own.clear()
        with pytest.raises(AirflowFailException, match="may not submit again"):
            account.run(other, prompt="A paper boat [fail]", max_submissions=1)

    def test_refused_request_of_another_task_hides_no_clear(self, account: Account) -> None:
        loud, own = "A paper boat [policy-audio]", Run()
        with pytest.raises(AirflowFailException, match="output audio"):
            account.run(own, prompt=loud)
        account.world.submits = ["refused"]
        with pytest.raises(AirflowFailException, match="400"):
            account.run(other_run(), prompt="A kite")
        own.clear()
        with pytest.raises(AirflowFailException, match="output audio") as caught:
            account.run(own, prompt=loud)
        assert account.booked[1] in str(caught.value)
        assert "run 2" not in str(caught.value)
