"""What a task instance pays over all its tries: how often it may submit, what it reports, and adopted predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import ConnectionUnavailableError, GenerationFailedError
from tests.unit.airflow.driving import FakeStore, Run
from tests.unit.airflow.operators import text_to_video
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")

#: Five seconds of the default model at 720p, at 0.0998 USD a second.
PRICE = 0.499


def fail_tries(run: Run, tries: int, **arguments: Any) -> None:
    """Run tries whose generations fail at the service."""
    for _ in range(tries):
        with pytest.raises(GenerationFailedError):
            run.try_once(text_to_video(**arguments))


def spending(run: Run) -> tuple[Any, Any]:
    prediction = run.xcoms["prediction"]
    return prediction["submissions"], prediction["total_cost_usd"]


@needs_store
class TestMaximum:
    @pytest.mark.parametrize("maximum", [1, 2, 3])
    def test_retries_submit_as_often_as_allowed(self, emulator: Emulator, maximum: int, deferrable: bool) -> None:
        emulator.fault(endpoint="result", answer="failed", times=None)
        run, arguments = Run(), {"deferrable": deferrable, "max_submissions": maximum}
        fail_tries(run, maximum, **arguments)
        with pytest.raises(AirflowFailException) as error:
            run.try_once(text_to_video(**arguments))
        assert len(emulator.ledger()) == maximum
        last = emulator.ledger()[-1]["id"]
        times = "once" if maximum == 1 else f"{maximum} times"
        assert str(error.value).startswith(
            f"The task instance may not submit again: it has submitted {times}, max_submissions is {maximum}, and "
            f"recorded prediction {last} did not succeed."
        )
        assert str(error.value).endswith(
            "This try charged nothing, but what earlier tries submitted is billed. Nothing was sent. To pay for "
            "another generation, clear the task or raise max_submissions."
        )
        assert spending(run) == (maximum, pytest.approx(maximum * PRICE))

    def test_clear_grants_one_submission(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="result", answer="failed", times=None)
        run = Run()
        fail_tries(run, 1, max_submissions=1)
        run.clear()
        fail_tries(run, 1, max_submissions=1)
        with pytest.raises(AirflowFailException, match="submitted 2 times, max_submissions is 1"):
            run.try_once(text_to_video(max_submissions=1))
        assert len(emulator.ledger()) == 2

    def test_clear_for_another_video_is_within_the_limit(self, emulator: Emulator) -> None:
        run = Run()
        for _ in range(3):
            assert run.try_once(text_to_video(on_clear="regenerate", max_submissions=1))
            run.clear()
        assert len(emulator.ledger()) == 3
        assert spending(run) == (3, pytest.approx(3 * PRICE))

    def test_clear_that_reuses_the_video_grants_one_submission(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(max_submissions=1))
        run.clear()
        run.try_once(text_to_video(max_submissions=1))
        run.try_once(text_to_video(prompt="A kite", max_submissions=1))
        with pytest.raises(AirflowFailException, match="is for other arguments"):
            run.try_once(text_to_video(prompt="A mill", max_submissions=1))
        assert len(emulator.ledger()) == 2

    def test_unconfirmed_submission_counts(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", drop="after", times=1)
        run, arguments = Run(), {"on_unconfirmed_submission": "resubmit", "max_submissions": 1}
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(**arguments))
        assert spending(run) == (1, pytest.approx(PRICE))
        with pytest.raises(AirflowFailException, match="may have been started and charged"):
            run.try_once(text_to_video(**arguments))
        assert len(emulator.ledger()) == 1

    def test_refused_submission_does_not_count(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt="[policy]", max_submissions=1))
        assert spending(run) == (0, 0.0)
        assert run.try_once(text_to_video(max_submissions=1))
        assert spending(run) == (1, pytest.approx(PRICE))

    def test_without_a_limit_every_retry_may_submit(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="result", answer="failed", times=None)
        fail_tries(Run(), 4)
        assert len(emulator.ledger()) == 4


class TestWithoutRecord:
    @pytest.mark.parametrize("arguments", [{}, {"durable": False}], ids=["no store", "durable=False"])
    def test_each_earlier_try_counts(self, emulator: Emulator, arguments: dict[str, Any]) -> None:
        emulator.fault(endpoint="result", answer="failed", times=None)
        run = Run(FakeStore() if arguments else None)
        fail_tries(run, 1, max_submissions=2, **arguments)
        assert spending(run) == (1, pytest.approx(PRICE))
        fail_tries(run, 1, max_submissions=2, **arguments)
        assert spending(run) == (None, None)
        with pytest.raises(AirflowFailException, match="this is try 3, max_submissions is 2"):
            run.try_once(text_to_video(max_submissions=2, **arguments))
        assert len(emulator.ledger()) == 2

    def test_unconfirmed_submission_is_not_repeated(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", drop="after", times=None)
        with pytest.raises(AirflowFailException, match="may have been started and charged"):
            Run(store=None).try_once(text_to_video(on_unconfirmed_submission="resubmit"))
        assert len(emulator.ledger()) == 1


@needs_store
class TestAdoptedPrediction:
    """The argument `prediction_id`."""

    @pytest.mark.parametrize("is_finished", [True, False])
    def test_removed_again_gives_back_the_own_video(
        self, emulator: Emulator, is_finished: bool, printed: Callable[[], str]
    ) -> None:
        [other] = Run().try_once(text_to_video(prompt="A kite"))
        run = Run()
        run.try_once(text_to_video(wait_for_completion=is_finished))
        own, wrong = emulator.ledger()[1]["id"], emulator.ledger()[0]["id"]
        assert run.try_once(text_to_video(prediction_id=wrong)) == [other]
        assert f"The record keeps this task's own prediction {own}" in printed()
        assert spending(run) == (1, pytest.approx(PRICE))
        run.clear()
        [address] = run.try_once(text_to_video())
        assert own in address
        assert len(emulator.ledger()) == 2

    def test_failed_one_names_the_own_prediction(self, emulator: Emulator) -> None:
        run = Run()
        own = run.try_once(text_to_video(wait_for_completion=False))
        wrong = Run().try_once(text_to_video(prompt="A kite", wait_for_completion=False))
        emulator.fault(endpoint="result", answer="failed", times=None)
        with pytest.raises(AirflowFailException, match=f"that this task submitted, {own}"):
            run.try_once(text_to_video(prediction_id=wrong))

    def test_unreadable_record_does_not_stand_in_the_way(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        store = FakeStore()
        store.set("seedance_submission", {"no": "record"})
        [address] = Run(store).try_once(text_to_video(prediction_id=prediction_id))
        assert prediction_id in address


class PickyStore(FakeStore):
    """A store that refuses the values that a function selects."""

    def __init__(self, is_refused: Callable[[dict[str, Any]], bool]) -> None:
        super().__init__()
        self.is_refused = is_refused

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        if self.is_refused(value):
            raise ConnectionError("the API server is away")
        super().set(key, value)


@needs_store
class TestStoreThatFails:
    def test_refusal_that_cannot_be_recorded_charges_nothing(self, emulator: Emulator) -> None:
        run = Run(PickyStore(lambda value: value["is_refused"]))
        with pytest.raises(AirflowFailException) as caught:
            run.try_once(text_to_video(prompt="[policy]"))
        message = str(caught.value)
        assert "Nothing was charged." in message
        assert "delete the record under Storage > Task State Store, and clear the task" in message
        assert spending(run) == (0, 0.0)

    def test_refusal_that_cannot_be_recorded_names_the_earlier_prediction(self, emulator: Emulator) -> None:
        store = PickyStore(lambda _: False)
        run = Run(store)
        own = run.try_once(text_to_video(wait_for_completion=False))
        store.is_refused = lambda value: value["prediction_id"] == own
        with pytest.raises(AirflowFailException) as caught:
            run.try_once(text_to_video(prompt="[policy]"))
        assert "This try charged nothing, but what earlier tries submitted is billed." in str(caught.value)
        assert str(caught.value).endswith(f"An earlier try submitted prediction {own}.")

    def test_clear_that_cannot_be_recorded_delivers(self, emulator: Emulator, printed: Callable[[], str]) -> None:
        store = PickyStore(lambda _: False)
        run = Run(store)
        own = run.try_once(text_to_video(wait_for_completion=False))
        run.clear()
        store.is_refused = lambda _: True
        [address] = run.try_once(text_to_video())
        assert own in address
        assert f"The clear could not be recorded (prediction {own})" in printed()

    def test_submission_that_cannot_be_pushed_delivers(self, emulator: Emulator, printed: Callable[[], str]) -> None:
        run = Run(pushes_before_failure=0)
        [address] = run.try_once(text_to_video())
        [booked] = emulator.ledger()
        assert booked["id"] in address
        assert f"The submission could not be pushed to XCom (prediction {booked['id']})" in printed()

    def test_kill_while_the_intent_is_recorded_sends_nothing(self, emulator: Emulator) -> None:
        def kill(value: dict[str, Any]) -> bool:
            if not value["is_refused"]:
                run.operator.on_kill()
            return False

        run = Run(PickyStore(kill))
        with pytest.raises(AirflowException, match="stopped before its submission was sent"):
            run.try_once(text_to_video())
        assert emulator.ledger() == []
        run.store = FakeStore(run.store.values) if run.store else None
        assert run.try_once(text_to_video())


@needs_store
class TestAdviceAtTheLimit:
    def test_failed_generation_does_not_promise_another(self, emulator: Emulator) -> None:
        with pytest.raises(GenerationFailedError, match="max_submissions is reached"):
            Run().try_once(text_to_video(prompt="[fail]", max_submissions=1))

    def test_unconfirmed_submission_is_final(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", drop="after")
        with pytest.raises(AirflowFailException, match="Look for the generation in the GPTProto dashboard"):
            Run().try_once(text_to_video(on_unconfirmed_submission="resubmit", max_submissions=1))

    @pytest.mark.parametrize(
        "arguments", [{"prompt": "A kite"}, {"on_clear": "regenerate"}], ids=["other arguments", "regenerate"]
    )
    def test_missing_connection_does_not_promise_a_free_retry_that_pays(
        self, emulator: Emulator, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = Run()
        [address] = run.try_once(text_to_video())
        run.clear()
        monkeypatch.delenv("AIRFLOW_CONN_SEEDANCE_DEFAULT")
        with pytest.raises(ConnectionUnavailableError) as caught:
            run.try_once(text_to_video(**arguments))
        assert "pays nothing" not in str(caught.value)
        assert str(caught.value).endswith(f"An earlier try submitted prediction {address.split('/')[-2]}.")


@needs_store
class TestMissingConnectionWithLedger:
    @pytest.fixture
    def seedance_ledger(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return tmp_path_factory.mktemp("ledger").as_uri()

    def test_retry_without_the_connection_says_so_and_a_later_one_continues(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = Run(store=FakeStore())
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        with monkeypatch.context() as away:
            away.delenv("AIRFLOW_CONN_SEEDANCE_DEFAULT")
            with pytest.raises(ConnectionUnavailableError) as caught:
                run.try_once(text_to_video())
        # The task state store names a ledger, but without the connection nobody knows whether it is the right one.
        assert "delete the record" not in str(caught.value)
        assert prediction_id in run.try_once(text_to_video())[0]
        assert len(emulator.ledger()) == 1


@needs_store
def test_spending_survives_an_unreadable_xcom(emulator: Emulator) -> None:
    emulator.settings(seconds_running=0.2)
    run = Run(hands_on=False, pull_failure=ConnectionError("the API server is away"))
    run.try_once(text_to_video(deferrable=True))
    assert run.xcoms["prediction"]["id"] == emulator.ledger()[0]["id"]
    assert spending(run) == (1, pytest.approx(PRICE))
