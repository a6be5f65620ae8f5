"""Constants that are certain to be refused make the DAG file an import error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup, task, task_group

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
    SeedanceTextToVideoOperator,
)
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

LINK = "https://example.com/a.png"
FULL = "doubao-seedance-2-0-260128"
DURATION = r"(?s)Task 'make_video': .*duration: 99 is not allowed; allowed: 4 to 15 seconds for Seedance 2.0 fast"


def parse(make: Callable[[], Any], **options: Any) -> Any:
    """Construct tasks as a DAG file does."""
    with DAG("parsed", schedule=None, **options):
        return make()


def mapped(**constants: Any) -> Any:
    return SeedanceTextToVideoOperator.partial(task_id="make_video", **constants)


class TestOperators:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: text_to_video(duration=99),
            lambda: SeedanceImageToVideoOperator(task_id="make_video", prompt="It sails", image=LINK, duration=99),
            lambda: SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It sails", images=[], duration=99),
        ],
        ids=["text", "image", "reference"],
    )
    def test_error_names_task_argument_value_and_allowed_values(self, make: Callable[[], Any]) -> None:
        with pytest.raises(ValueError, match=DURATION):
            parse(make)

    def test_default_args_are_constants(self) -> None:
        with pytest.raises(ValueError, match=DURATION):
            parse(text_to_video, default_args={"duration": 99})

    def test_error_of_an_option_names_the_task(self) -> None:
        with pytest.raises(ValueError, match="Task 'make_video': max_cost: -1 is not allowed"):
            parse(lambda: text_to_video(max_cost=-1))

    # Only what the catalogue refuses can be out of date (README, `validation`).
    @pytest.mark.parametrize(
        ("arguments", "is_excused"),
        [
            ({"duration": 99}, True),
            ({"duration": 99, "seed": "a"}, True),
            ({"resolution": "1080p"}, True),
            ({"prompt": " "}, False),
            ({"prompt": ["A"]}, False),
            ({"duration": 5.5}, False),
            ({"seed": "a"}, False),
            ({"extra_parameters": ["a"]}, False),
        ],
    )
    def test_error_advises_only_what_helps(self, arguments: dict[str, Any], is_excused: bool) -> None:
        with pytest.raises(ValueError, match="Correct them") as caught:
            parse(lambda: text_to_video(**arguments))
        assert ('validation="warn"' in str(caught.value)) == is_excused

    @pytest.mark.parametrize("name", ["duration", "seed", "max_cost", "on_clear", "timeout", "validation"])
    @pytest.mark.parametrize("is_mapped", [False, True])
    def test_error_does_not_repeat_a_key(self, name: str, is_mapped: bool) -> None:
        def make() -> Any:
            arguments = {name: "sk-needle-7d1c0f52"}
            return mapped(**arguments).expand(prompt=["A"]) if is_mapped else text_to_video(**arguments)

        with pytest.raises(ValueError, match=rf"{name}: '\*\*\*'") as caught:
            parse(make)
        assert "7d1c0f52" not in str(caught.value)

    def test_missing_media_are_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one image or video"):
            parse(lambda: SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It sails", audios=[LINK]))

    @pytest.mark.parametrize(
        "arguments",
        [
            {"validation": "warn"},
            {"model": "seedance-of-tomorrow"},
            {"prediction_id": "{{ params.get('id', '') }}"},
            {"pre_execute": lambda context: None},
        ],
        ids=["warn", "unknown model", "prediction", "hook"],
    )
    def test_what_is_not_certain_is_left_to_the_task(self, arguments: dict[str, Any]) -> None:
        assert parse(lambda: text_to_video(duration=99, **arguments)).duration == 99

    def test_own_delimiters_of_a_dag_are_templates(self) -> None:
        options = {"variable_start_string": "[[", "variable_end_string": "]]"}
        assert parse(lambda: text_to_video(resolution="[[ params.size ]]"), jinja_environment_kwargs=options)

    def test_native_rendering_may_change_text(self) -> None:
        assert parse(lambda: text_to_video(resolution="'480p'"), render_template_as_native_obj=True)

    def test_subclass_may_set_its_arguments_later(self) -> None:
        class Later(SeedanceTextToVideoOperator):
            def execute(self, context: Any) -> Any:
                self.prompt = "A paper boat"
                return super().execute(context)

        assert parse(lambda: Later(task_id="make_video", prompt=""))

    def test_outside_of_a_dag_nothing_is_checked(self) -> None:
        assert text_to_video(duration=99).duration == 99

    def test_arguments_of_the_decorator_are_left_to_the_function(self) -> None:
        def make() -> Any:
            @task.seedance(duration=99, resolution="8k", image="")
            def describe() -> dict[str, Any]:
                return {"prompt": "A paper boat", "duration": 5, "resolution": "480p"}

            return describe()

        assert parse(make)

    def test_outputs_and_mapped_arguments_are_no_constants(self) -> None:
        def make() -> Any:
            @task
            def rows() -> list[str]:
                return ["a"]

            @task_group
            def one(prompt: str) -> None:
                text_to_video(prompt=prompt, duration=prompt)

            one.expand(prompt=["a", "b"])
            return text_to_video(task_id="other", prompt=rows(), duration=rows(), extra_parameters={"a": rows()})

        assert parse(make)


class TestMapping:
    def test_constant_of_partial_is_refused(self) -> None:
        for expand in (
            lambda: mapped(duration=99).expand(prompt=["a"]),
            lambda: mapped(duration=99).expand_kwargs([{"prompt": "a"}, {"prompt": "b", "seed": 1}]),
        ):
            with pytest.raises(ValueError, match=DURATION):
                parse(expand)

    def test_constant_of_default_args_is_refused(self) -> None:
        with pytest.raises(ValueError, match=DURATION):
            parse(lambda: mapped().expand(prompt=["a"]), default_args={"duration": 99})

    def test_option_of_partial_is_refused(self) -> None:
        for wrong in ({"max_cost": -1}, {"timeout": 0}, {"on_clear": "forget"}):
            with pytest.raises(ValueError, match=f"Task 'make_video': {next(iter(wrong))}: .* is not allowed"):
                parse(lambda wrong=wrong: mapped(**wrong).expand(prompt=["a"]))  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("constants", "rows"),
        [
            ({"resolution": "1080p"}, {"model": [FULL]}),
            ({"duration": 99}, {"validation": ["warn"]}),
            ({"duration": 99}, {"prediction_id": ["cgt-1"]}),
            ({"prompt": "A paper boat"}, {"duration": [99]}),
            ({"max_cost": 1}, {"timeout": [60]}),
        ],
    )
    def test_mapped_argument_is_not_certain(self, constants: dict[str, Any], rows: dict[str, Any]) -> None:
        prompt = {} if "prompt" in constants else {"prompt": ["a"]}
        assert parse(lambda: mapped(**constants).expand(**prompt, **rows))
        assert parse(
            lambda: mapped(**constants).expand_kwargs(
                [{name: values[0] for name, values in {**prompt, **rows}.items()}]
            )
        )

    def test_rows_of_a_task_may_hold_any_argument(self) -> None:
        def make() -> Any:
            @task
            def rows() -> list[dict[str, Any]]:
                return []

            return mapped(resolution="1080p").expand_kwargs(rows())

        assert parse(make)

    def test_default_args_of_groups_count(self) -> None:
        defaults: Any = {"model": FULL}

        def make() -> Any:
            with TaskGroup("outer", default_args=defaults), TaskGroup("inner"):
                return mapped(resolution="1080p").expand(prompt=["a"])

        assert parse(make).task_id == "outer.inner.make_video"

    def test_values_of_rows_are_refused_by_the_task_only(self, emulator: Emulator) -> None:
        operator = parse(lambda: mapped().expand(prompt=["a"], duration=[99])).unmap({"prompt": "a", "duration": 99})
        assert operator.duration == 99
        with pytest.raises(Exception, match="duration: 99 is not allowed"):
            Run().try_once(operator)
        assert emulator.requests() == []


def sensor(**arguments: Any) -> Any:
    return SeedancePredictionSensor(task_id="make_video", prediction_id="a", **arguments)


def copy(**arguments: Any) -> Any:
    return SeedanceToObjectStorageOperator(task_id="make_video", prediction_id="a", destination="/a", **arguments)


class TestSwitches:
    # Python counts each of these as true or false, and none is what its author meant.
    @pytest.mark.parametrize("value", ["false", "False", "true", "", None, 0, 1, "{{ params.value }}", []])
    @pytest.mark.parametrize(
        ("make", "name"),
        [
            *[(text_to_video, name) for name in ("deferrable", "wait_for_completion", "durable", "fail_on_nsfw")],
            *[(sensor, name) for name in ("deferrable", "fail_on_nsfw")],
            *[(copy, name) for name in ("overwrite", "allow_private_addresses", "sidecar", "poster")],
        ],
    )
    def test_only_true_and_false_are_allowed(self, make: Callable[..., Any], name: str, value: object) -> None:
        message = rf"Task 'make_video': {name}: .* is not allowed; allowed: True, False"
        with pytest.raises(ValueError, match=message):
            parse(lambda: make(**{name: value}))
        for switch in (True, False):
            parse(partial(make, **{name: switch}))

    def test_output_of_a_task_is_no_switch(self) -> None:
        @task
        def choose() -> bool:
            return False

        with pytest.raises(ValueError, match=r"deferrable: .* is not allowed; allowed: True, False"):
            parse(lambda: text_to_video(deferrable=choose()))

    @pytest.mark.parametrize("name", ["deferrable", "fail_on_nsfw", "durable"])
    def test_mapped_task_is_checked(self, name: str) -> None:
        with pytest.raises(ValueError, match=rf"{name}: 'false' is not allowed; allowed: True, False"):
            parse(lambda: mapped(**{name: "false"}).expand(prompt=["A"]))
