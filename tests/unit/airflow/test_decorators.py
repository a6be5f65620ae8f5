"""``@task.seedance``: the return value of the function is the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, task

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import WaitTimeoutError
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")

IMAGE = "https://example.com/first.png"


def decorated(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return the operator of a decorated function."""
    with DAG("dag", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
        return task.seedance(**options)(function)(*arguments).operator


def test_key_as_mode_is_not_repeated() -> None:
    def write() -> str:
        return "A paper boat"

    with pytest.raises(ValueError, match=r"mode: '\*\*\*' is not allowed"):
        decorated(write, mode="sk-needle-7d1c0f52")


class TestReturnValue:
    def test_returned_text_is_the_prompt(self, emulator: Emulator) -> None:
        def write() -> str:
            return "A paper boat"

        run = Run()
        outputs = run.try_once(decorated(write, duration=4, deferrable=True))
        [booked] = emulator.ledger()
        assert outputs == [f"{emulator.url}/outputs/{booked['id']}/0.mp4"]
        sent = {"prompt": "A paper boat", "duration": 4, "resolution": "720p"}
        assert (booked["mode"], booked["parameters"]) == ("text-to-video", sent)
        assert run.xcoms["prediction"]["parameters"]["prompt"] == "A paper boat"

    @pytest.mark.parametrize(
        ("media", "mode"),
        [
            ({}, "text-to-video"),
            ({"image": IMAGE}, "image-to-video"),
            ({"image": IMAGE, "last_image": IMAGE}, "image-to-video"),
            ({"images": [IMAGE]}, "reference-to-video"),
            ({"videos": ["https://example.com/a.mp4"]}, "reference-to-video"),
        ],
    )
    def test_returned_dict_sets_arguments_and_mode(self, emulator: Emulator, media: dict[str, Any], mode: str) -> None:
        def write() -> dict[str, Any]:
            return {"prompt": "A paper boat", "duration": 6, "resolution": "480p", **media}

        Run().try_once(decorated(write, duration=4))
        [booked] = emulator.ledger()
        assert booked["mode"] == mode
        assert booked["parameters"] == {"prompt": "A paper boat", "duration": 6, "resolution": "480p", **media}

    def test_function_receives_arguments_and_context(self, emulator: Emulator) -> None:
        def write(what: str, params: Any = None) -> str:
            return f"{what} {params['where']}"

        Run().try_once(decorated(write, "A boat"), params={"where": "at sea"})
        assert emulator.ledger()[0]["parameters"]["prompt"] == "A boat at sea"

    def test_function_receives_long_texts_and_media_unchanged(self, emulator: Emulator) -> None:
        received: list[Any] = []

        def write(word: str, image: str) -> str:
            received.extend([word, image])
            return "A paper boat"

        run = Run()
        run.try_once(decorated(write, "ab" * 300, PNG))
        assert received == ["ab" * 300, PNG]
        assert PNG not in str(run.operator.op_args) + str(run.operator.op_kwargs)

    def test_return_value_is_not_rendered(self, emulator: Emulator) -> None:
        def write() -> str:
            return "A neon sign that reads {{ ds }}"

        Run().try_once(decorated(write))
        assert emulator.ledger()[0]["parameters"]["prompt"] == "A neon sign that reads {{ ds }}"

    def test_returned_prediction_id_is_waited_for(self, emulator: Emulator) -> None:
        def write() -> str:
            return "A paper boat"

        prediction_id = Run().try_once(decorated(write, wait_for_completion=False))

        def name() -> dict[str, str]:
            return {"prediction_id": prediction_id}

        assert Run().try_once(decorated(name)) == [f"{emulator.url}/outputs/{prediction_id}/0.mp4"]
        assert len(emulator.ledger()) == 1

    def test_uploaded_media_are_not_in_rendered_fields_or_xcom(self, emulator: Emulator) -> None:
        def write() -> dict[str, str]:
            return {"prompt": "A paper boat", "image": PNG}

        run = Run()
        run.try_once(decorated(write))
        assert emulator.ledger()[0]["parameters"]["is_upload_media"] is True
        assert PNG not in str(run.operator.image)
        assert PNG not in str(run.xcoms)


class TestRefusals:
    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            (None, "NoneType is not allowed; allowed: a prompt or a dict"),
            ({"promt": "A boat"}, "unknown key 'promt'; allowed: "),
            ({"prompt": "A boat", "deferrable": True}, "unknown key 'deferrable'; allowed: "),
            ({"prompt": "A boat", "image": IMAGE, "images": [IMAGE]}, "images: is not an argument of image-to-video"),
            ({"duration": 4}, "prompt: "),
            ({"prompt": "A boat", "log": "x", "dag": None}, "unknown key 'log'; allowed: "),
            ("", "prompt: "),
        ],
    )
    def test_invalid_return_value_ends_the_task(self, emulator: Emulator, returned: Any, message: str) -> None:
        with pytest.raises(AirflowFailException, match=message):
            Run().try_once(decorated(lambda: returned, task_id="write"))
        assert emulator.requests() == []

    def test_media_of_another_mode_end_the_task(self, emulator: Emulator) -> None:
        def write() -> dict[str, str]:
            return {"prompt": "A boat", "image": IMAGE}

        with pytest.raises(AirflowFailException, match="image: is not an argument of text-to-video"):
            Run().try_once(decorated(write, mode="text-to-video"))
        assert emulator.requests() == []

    @pytest.mark.parametrize("mode", ["poke", "reschedule"])
    def test_mode_of_sensors_in_default_args_is_ignored(self, mode: str) -> None:
        assert decorated(lambda: "A boat", task_id="write", mode=mode).requested_mode is None

    def test_unknown_mode_is_refused_when_the_dag_is_parsed(self) -> None:
        with pytest.raises(ValueError, match="allowed: text-to-video, image-to-video, reference-to-video"):
            decorated(lambda: "A boat", task_id="write", mode="sound-to-video")


@needs_store
class TestRetries:
    def test_retry_with_the_same_return_value_reuses_the_prediction(self, emulator: Emulator) -> None:
        def write() -> str:
            return "A paper boat"

        run, operator = Run(), decorated(write, timeout=0.2, poll_interval=0.1)
        emulator.settings(seconds_running=60)
        for _ in range(2):
            with pytest.raises(WaitTimeoutError):
                run.try_once(operator)
        assert len(emulator.ledger()) == 1

    def test_other_return_value_starts_another_generation_and_is_logged(
        self, emulator: Emulator, printed: Callable[[], str]
    ) -> None:
        prompts = iter(["A paper boat", "A kite"])

        def write() -> str:
            return next(prompts)

        run, operator = Run(), decorated(write, wait_for_completion=False)
        run.try_once(operator)
        run.try_once(operator)
        assert len(emulator.ledger()) == 2
        assert "is for other arguments" in printed()

    def test_function_is_not_called_again_after_a_deferral(self, emulator: Emulator) -> None:
        calls: list[str] = []

        def write() -> str:
            calls.append("call")
            return "A paper boat"

        run = Run()
        run.try_once(decorated(write, deferrable=True))
        assert (len(run.deferrals), calls) == (1, ["call"])


def test_decorated_task_can_be_mapped(emulator: Emulator) -> None:
    with DAG("dag", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:

        @task.seedance(duration=4)
        def write(subject: str) -> str:
            return f"{subject} at dawn"

        write.expand(subject=["A boat", "A kite"])
    assert dag.task_ids == ["write"]


class TestLegAfterDeferral:
    """Airflow runs it in a new operator object, which has not called the function."""

    def test_map_index_template_can_use_the_return_value(self, emulator: Emulator) -> None:
        def write() -> str:
            return "A paper boat that drifts down a rainy street at dawn, past a red door"

        run = Run()
        run.try_once(decorated(write, deferrable=True, map_index_template="{{ task.prompt | truncate(20) }}"))
        assert run.label == "A paper boat..."

    def test_map_index_template_does_not_fail_without_a_report(self, emulator: Emulator) -> None:
        run = Run(hands_on=False, pull_failure=ConnectionError("the API server is away"))
        outputs = run.try_once(
            decorated(
                lambda: "A boat", task_id="write", deferrable=True, map_index_template="{{ task.prompt | upper }}"
            )
        )
        assert (len(outputs), run.label) == (1, "")

    def test_rendered_fields_hold_the_return_value(self, emulator: Emulator) -> None:
        def write() -> dict[str, Any]:
            return {"prompt": "A paper boat", "duration": 6, "image": PNG}

        run = Run()
        run.try_once(decorated(write, deferrable=True))
        rendered = {name: getattr(run.operator, name) for name in ("prompt", "duration")}
        assert rendered == {"prompt": "A paper boat", "duration": 6}
        assert str(run.operator.image).startswith("<data:image/png, ")
        # Airflow writes the rendered fields again at the end of the leg.
        assert run.operator.overwrite_rtif_after_execution

    def test_failure_of_an_adopted_prediction_has_the_advice_for_it(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(decorated(lambda: "[fail]", task_id="write", wait_for_completion=False))

        with pytest.raises(AirflowFailException, match="Remove prediction_id to submit a new generation"):
            Run().try_once(decorated(lambda: {"prediction_id": prediction_id}, task_id="adopt", deferrable=True))
        assert len(emulator.ledger()) == 1
