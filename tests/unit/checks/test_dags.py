"""The check of a DAG: plain and mapped tasks, what is certain, and what a run can cost."""

from __future__ import annotations

import types
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk import DAG, task, task_group

from airflow_provider_seedance.checks.dags import TaskCheck, check_dag
from airflow_provider_seedance.checks.summary import refusals, total, unbounded
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator, SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.integration.examples import load_example

LINK = "https://example.com/a.png"
#: GPTProto's price list: 2.0 fast in 480p and 720p, USD per second.
LOW, MIDDLE = Decimal("0.0443"), Decimal("0.0998")


def checks(make: Callable[[], Any], **options: Any) -> tuple[TaskCheck, ...]:
    """Check a DAG whose tasks a function makes."""
    with DAG("checked", schedule=None, **options) as dag:
        make()
    return check_dag(dag)


def video(**arguments: Any) -> Any:
    return SeedanceTextToVideoOperator(**{"task_id": "make_video", "prompt": "A paper boat", **arguments})


def mapped(**arguments: Any) -> Any:
    return SeedanceTextToVideoOperator.partial(task_id="make_video", **arguments)


@task
def rows() -> list[Any]:
    return []


class TestPlainTasks:
    def test_price_is_known(self) -> None:
        [check] = checks(lambda: video(duration=4, resolution="480p"))
        assert (check.name, check.estimate, check.highest) == ("make_video", 4 * LOW, 4 * LOW)

    def test_default_args_are_arguments(self) -> None:
        [check] = checks(video, default_args={"duration": 4, "resolution": "480p"})
        assert check.estimate == 4 * LOW

    @pytest.mark.parametrize(
        ("options", "submissions"),
        [
            ({}, 1),
            ({"retries": 2}, 3),
            ({"retries": 2, "max_submissions": 2}, 2),
            ({"max_submissions": 5}, 1),
            ({"on_audio_refusal": "mute"}, 2),
            ({"retries": 1, "on_audio_refusal": "mute"}, 4),
        ],
    )
    def test_every_try_may_pay_again(self, options: dict[str, Any], submissions: int) -> None:
        [check] = checks(lambda: video(**options))
        assert (check.estimate, check.highest) == (5 * MIDDLE, 5 * MIDDLE * submissions)

    def test_tasks_that_submit_nothing_are_left_out(self) -> None:
        def make() -> None:
            SeedancePredictionSensor(task_id="wait", prediction_id="a")
            SeedanceToObjectStorageOperator(task_id="keep", prediction_id="a", destination="/videos")
            rows()

        assert checks(make) == ()

    def test_earlier_prediction_costs_nothing(self) -> None:
        [check] = checks(lambda: video(prediction_id="a" * 32, retries=3, duration=99))
        assert (check.estimate, check.highest, check.generation.refusals) == (Decimal(0), Decimal(0), ())

    def test_prediction_id_that_may_be_missing_counts_as_a_submission(self) -> None:
        [check] = checks(lambda: video(prediction_id="{{ params.earlier }}", duration=99))
        assert check.generation.refusals == ()
        [check] = checks(lambda: video(prediction_id="{{ params.earlier }}", duration=4))
        assert check.highest == 4 * MIDDLE
        assert "prediction_id" in check.generation.unknown

    def test_templates_and_outputs_are_unknown(self) -> None:
        [check] = checks(lambda: video(prompt=rows(), duration="{{ params.seconds }}"))
        assert check.generation.unknown == ("prompt", "duration")
        assert (check.estimate, check.highest) == (None, None)

    def test_refusal_that_is_only_a_warning(self) -> None:
        [check] = checks(lambda: video(duration=99, validation="warn"))
        assert check.generation.refusals == ()
        assert any(each.startswith("duration: 99") for each in check.generation.warnings)

    def test_too_little_max_cost_is_a_refusal(self) -> None:
        [check] = checks(lambda: video(max_cost=0.1))
        assert "max_cost" in check.generation.refusals[0]

    def test_arguments_of_a_subclass_are_not_certain(self) -> None:
        class Own(SeedanceTextToVideoOperator):
            pass

        [check] = checks(lambda: Own(task_id="own", prompt="A paper boat", max_cost=2))
        assert (check.estimate, check.highest, check.generation.refusals) == (None, Decimal(2), ())

    def test_return_value_of_a_function_is_not_certain(self) -> None:
        @task.seedance(duration=4)
        def make_video() -> str:
            return "A paper boat"

        [check] = checks(make_video)
        assert (check.estimate, check.highest) == (None, None)
        assert check.generation.unknown == ("the function",)


class TestMappedTasks:
    def test_rows_are_those_of_airflow_in_its_order(self) -> None:
        lists = {"prompt": ["A paper boat", "A tram"], "duration": [4, 5, 6], "aspect_ratio": ["1:1", "9:16"]}
        with DAG("checked", schedule=None) as dag:
            mapped(resolution="480p").expand(**lists)
        written: Any = dag.get_task("make_video")
        found = check_dag(dag)
        assert len(found) == 12
        for index, check in enumerate(found):
            row, _ = written.expand_input.resolve({"ti": types.SimpleNamespace(map_index=index)})
            assert check.name == f"make_video[{index}]"
            assert {name: check.generation.parameters[name] for name in lists} == row
            assert check.estimate == row["duration"] * LOW

    def test_refusal_names_task_row_and_argument(self) -> None:
        found = checks(lambda: mapped().expand(prompt=["A tram"], duration=[4, 99, 5]))
        [refusal] = refusals(found)
        assert refusal.startswith("make_video[1]: duration: 99 is not allowed")
        # A generation that is refused costs nothing.
        assert total(found).estimate == 9 * MIDDLE

    def test_rows_of_expand_kwargs_replace_options_as_well(self) -> None:
        given: list[dict[str, Any]] = [
            {"prompt": "A tram", "max_submissions": 1},
            {"prompt": "A tram", "max_cost": "much"},
            {"prompt": "A tram", "duration": 99, "validation": "warn"},
            {"prompt": "{{ ds }}"},
        ]
        first, second, third, fourth = checks(lambda: mapped(retries=3).expand_kwargs(given))
        assert (first.submissions, fourth.submissions) == (1, 4)
        assert "max_cost: 'much'" in second.generation.refusals[0]
        assert third.generation.refusals == ()
        assert fourth.generation.unknown == ("prompt",)

    def test_misspelt_argument_of_a_row_is_a_refusal(self) -> None:
        # Airflow constructs the operator of a row when it runs, and then raises a TypeError.
        [check] = checks(lambda: mapped().expand_kwargs([{"prompt": "A tram", "promt": "A", "retries": 1}]))
        assert check.generation.refusals == ("promt: is not an argument of the operator",)

    def test_rows_of_another_task_have_no_number(self) -> None:
        [check] = checks(lambda: mapped(duration=4, max_cost=1).expand(prompt=rows()))
        assert (check.instances, check.estimate, check.highest) == (None, None, None)
        assert check.generation.price.highest == 4 * MIDDLE
        assert total([check]).estimate == 0
        assert unbounded([check]) == ["make_video: the number of its rows is known when the DAG runs"]

    def test_rows_of_another_task_may_hold_what_is_not_written(self) -> None:
        [check] = checks(lambda: mapped(duration=4).expand_kwargs(rows()))
        assert check.generation.parameters["duration"] == 4
        assert {"prompt", "model", "resolution"} <= {*check.generation.unknown}

    def test_rows_of_another_task_may_replace_what_is_written(self) -> None:
        [check] = checks(lambda: mapped(duration=4).expand_kwargs(rows(), strict=False))
        assert "duration" in check.generation.unknown

    def test_rows_of_another_task_may_excuse_a_refusal(self) -> None:
        [check] = checks(lambda: mapped(prompt="A tram", duration=99).expand(validation=rows()))
        assert check.generation.refusals == ()
        [check] = checks(lambda: mapped(duration=99).expand_kwargs(rows()))
        assert check.generation.refusals == ()

    def test_known_list_beside_an_unknown_one(self) -> None:
        [check] = checks(lambda: mapped().expand(prompt=rows(), duration=[4, 5]))
        assert check.instances is None
        assert "duration" in check.generation.unknown

    def test_no_rows_cost_nothing(self) -> None:
        assert checks(lambda: mapped().expand(prompt=[])) == ()

    def test_function_runs_for_each_row(self) -> None:
        @task.seedance(max_cost=2)
        def make_video(timeout: str) -> str:
            return timeout

        found = checks(lambda: make_video.expand(timeout=["a", "b", "c"]))
        assert [check.name for check in found] == ["make_video[0]", "make_video[1]", "make_video[2]"]
        assert total(found).highest == 6

    def test_arguments_of_a_mapped_group_are_those_of_its_row(self) -> None:
        @task_group
        def one_video(subject: str, seconds: int) -> None:
            video(prompt=subject, duration=seconds)
            SeedanceImageToVideoOperator(task_id="still", prompt="It sails", image=LINK, duration=4)

        found = checks(lambda: one_video.expand_kwargs([{"subject": "A tram", "seconds": n} for n in (4, 99)]))
        assert [check.name for check in found] == [
            "one_video.make_video[0]", "one_video.make_video[1]", "one_video.still[0]", "one_video.still[1]",
        ]  # fmt: skip
        assert [check.estimate for check in found] == [4 * MIDDLE, 0, 4 * MIDDLE, 4 * MIDDLE]
        assert "duration: 99" in found[1].generation.refusals[0]

    def test_mapped_group_of_unknown_rows(self) -> None:
        @task_group
        def one_video(seconds: int) -> None:
            video(duration=seconds)

        [check] = checks(lambda: one_video.expand(seconds=rows()))
        assert (check.instances, check.generation.unknown) == (None, ("duration",))


class TestExamples:
    def test_prices_are_those_of_the_documentation(self) -> None:
        # "one short video for each prompt, about 0.40 USD at list price"
        [check] = check_dag(load_example("seedance_mapped_prompts"))
        assert round(check.generation.price.estimate or 0, 2) == Decimal("0.40")
        # Four tasks of four seconds in 480p.
        found = check_dag(load_example("seedance_retries_and_clears"))
        assert total(found).estimate == 4 * 4 * LOW

    def test_limits_of_a_fan_out_are_the_rows_and_max_cost(self) -> None:
        [check] = check_dag(load_example("seedance_fan_out"))
        assert (check.instances, check.submissions, check.generation.price.highest) == (None, 3, Decimal("0.25"))
