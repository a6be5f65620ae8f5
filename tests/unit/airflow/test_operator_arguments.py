"""Arguments of the operators: templates, checks and ``max_cost``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG

from airflow_provider_seedance.decorators.seedance import SeedanceDecoratedOperator
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.operators.base import SeedanceBaseOperator
from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
    SeedanceTextToVideoOperator,
)
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG, text_to_video
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")


class TestTemplates:
    def test_rendered_text_becomes_numbers_and_booleans(self, emulator: Emulator) -> None:
        operator = text_to_video(
            prompt="A {{ params.what }}",
            model="{{ params.model }}",
            aspect_ratio="{{ params.ratio }}",
            duration="{{ params.seconds }}",
            resolution="{{ params.resolution }}",
            generate_audio="{{ params.sound }}",
            camera_fixed="{{ params.fixed }}",
            seed="{{ params.seed }}",
        )
        params = {
            "what": "kite",
            "model": "seedance-1-5-pro",
            "ratio": "1:1",
            "seconds": 12,
            "resolution": "1080p",
            "sound": False,
            "fixed": True,
            "seed": 2147483647,
        }
        Run().try_once(operator, params=params)

        [booked] = emulator.ledger()
        assert booked["model"] == "seedance-1-5-pro"
        assert booked["parameters"] == {
            "prompt": "A kite",
            "aspect_ratio": "1:1",
            "duration": 12,
            "resolution": "1080p",
            "generate_audio": False,
            "camera_fixed": True,
            "seed": 2147483647,
        }

    @pytest.mark.parametrize("ending", [".md", ".txt"])
    def test_prompt_is_read_from_a_file(self, emulator: Emulator, tmp_path: Path, ending: str) -> None:
        (tmp_path / f"boat{ending}").write_text("A boat called {{ params.name }}\n")
        with DAG("boats", schedule=None, template_searchpath=str(tmp_path)):
            operator = text_to_video(prompt=f"boat{ending}")
        operator.resolve_template_files()
        Run().try_once(operator, params={"name": "Ada"})

        assert emulator.ledger()[0]["parameters"]["prompt"] == "A boat called Ada"

    def test_no_other_argument_is_read_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("Not to be sent")
        media: dict[str, Any] = {"images": ["{{ params.name }}.txt", "https://x.example/b.md"], "audios": "notes.txt"}
        with DAG("boats", schedule=None, template_searchpath=str(tmp_path)):
            operator = SeedanceReferenceToVideoOperator(
                task_id="make_video", prompt="It dances", extra_parameters={"note": "notes.txt"}, **media
            )
            decorated = SeedanceDecoratedOperator(
                task_id="describe",
                python_callable=lambda *words, **more: "A boat",
                op_args=["notes.txt"],
                op_kwargs={"a": "notes.txt"},
            )
        context = Run().context(params={"name": "notes"})
        for task in (operator, decorated):
            task.resolve_template_files()
            task.render_template_fields(context)
        assert (operator.images, operator.audios) == (["notes.txt", "https://x.example/b.md"], "notes.txt")
        assert operator.extra_parameters == {"note": "notes.txt"}
        assert (list(decorated.op_args), decorated.op_kwargs) == (["notes.txt"], {"a": "notes.txt"})

    @pytest.mark.parametrize(
        ("operator_class", "own"),
        [
            (SeedanceTextToVideoOperator, set()),
            (SeedanceImageToVideoOperator, {"image", "last_image", "is_upload_media"}),
            (SeedanceReferenceToVideoOperator, {"images", "videos", "audios", "is_upload_media"}),
        ],
    )
    def test_every_parameter_of_the_api_is_a_template(
        self, operator_class: type[SeedanceBaseOperator], own: set[str]
    ) -> None:
        common = {"prompt", "aspect_ratio", "duration", "resolution", "generate_audio", "camera_fixed", "seed"}
        ours = {"model", "extra_parameters", "prediction_id", "seedance_conn_id"}
        assert set(operator_class.template_fields) == common | ours | own

    def test_rendered_fields_hold_no_media(self) -> None:
        from airflow.serialization.helpers import serialize_template_field

        operator = SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It dances", images=[PNG])
        operator.render_template_fields(Run().context())
        for name in operator.template_fields:
            assert PNG[40:80] not in str(serialize_template_field(getattr(operator, name), name))

    def test_default_args_apply_to_operators(self) -> None:
        arguments = {"seedance_conn_id": "other", "resolution": "480p"}
        with DAG("mapped", schedule=None, default_args=arguments):
            one = text_to_video(task_id="one")
            SeedanceTextToVideoOperator.partial(task_id="many", duration=4).expand(prompt=["a", "b"])
        assert (one.seedance_conn_id, one.resolution) == ("other", "480p")


class TestChecks:
    def test_ten_invalid_arguments_raise_one_error_with_ten_lines(self, emulator: Emulator) -> None:
        operator = SeedanceImageToVideoOperator(
            task_id="make_video",
            prompt=" ",
            model="seedance-1-0-pro-fast",
            image="ftp://example.com/a.png",
            last_image="https://example.com/b.png",
            aspect_ratio="2:1",
            duration=13,
            resolution="4k",
            generate_audio=True,
            camera_fixed="perhaps",
            seed=2147483648,
            is_upload_media="maybe",
        )
        with pytest.raises(AirflowFailException) as raised:
            Run().try_once(operator)

        lines = [line for line in str(raised.value).splitlines() if line.startswith("  - ")]
        assert {line[4:].partition(":")[0] for line in lines} == {
            "prompt", "image", "last_image", "aspect_ratio", "duration", "resolution", "generate_audio",
            "camera_fixed", "seed", "is_upload_media",
        }  # fmt: skip
        assert len(lines) == 10
        assert "Nothing was sent" in str(raised.value)
        assert emulator.requests() == []

    def test_values_are_checked_after_rendering_only(self) -> None:
        text_to_video(duration="{{ nonsense }}", resolution="{{ nonsense }}", seed="nonsense")

    @pytest.mark.parametrize(
        ("arguments", "allowed"),
        [
            ({"on_clear": "forget"}, "reuse, regenerate"),
            ({"on_unconfirmed_submission": "ignore"}, "fail, resubmit"),
            ({"timeout": 0}, "seconds above 0"),
            ({"timeout": None}, "seconds above 0"),
            ({"timeout": float("inf")}, "seconds above 0"),
            ({"timeout": timedelta(0)}, "seconds above 0"),
            ({"timeout": True}, "seconds above 0"),
            ({"poll_interval": -1}, "seconds above 0"),
            ({"max_cost": -0.01}, "USD, 0 or more"),
            ({"max_cost": "1"}, "USD, 0 or more"),
            ({"max_cost": float("nan")}, "USD, 0 or more"),
        ],
    )
    def test_options_are_checked_when_the_dag_is_parsed(self, arguments: dict[str, Any], allowed: str) -> None:
        with pytest.raises(ValueError, match=allowed):
            text_to_video(**arguments)

    @pytest.mark.parametrize(("prompt", "status"), [("[policy]", 400), ("[policy-type]", 400)])
    def test_content_refused_by_the_service_ends_the_task(self, emulator: Emulator, prompt: str, status: int) -> None:
        with pytest.raises(AirflowFailException, match=r"Nothing was charged\. Change the prompt"):
            Run().try_once(text_to_video(prompt=prompt))
        assert [request["status"] for request in emulator.requests()] == [status]

    def test_warnings_about_the_request_are_logged(self, emulator: Emulator, printed: Callable[[], str]) -> None:
        Run().try_once(text_to_video(seed=5))
        assert "seed is documented for every model but not honoured by Seedance 2.0 fast" in printed()


class TestMaximumCost:
    # 5 seconds at 0.0998 USD are 0.499 USD.
    @pytest.mark.parametrize("max_cost", [0.499, 1, None])
    def test_cost_up_to_max_cost_is_submitted(self, emulator: Emulator, max_cost: float | None) -> None:
        Run().try_once(text_to_video(max_cost=max_cost))
        assert len(emulator.ledger()) == 1

    @pytest.mark.parametrize("max_cost", [0.498, 0])
    def test_cost_above_max_cost_is_refused_before_a_request(self, emulator: Emulator, max_cost: float) -> None:
        run = Run()
        with pytest.raises(AirflowFailException, match=r"about 0\.50 USD at list price, and max_cost is 0") as caught:
            run.try_once(text_to_video(max_cost=max_cost))
        assert "Nothing was charged. Nothing was sent." in str(caught.value)
        assert run.xcoms["prediction"]["estimated_cost_usd"] == 0.499
        assert emulator.requests() == []

    def test_unknown_price_is_refused_if_max_cost_is_set(self, emulator: Emulator) -> None:
        why = "unknown because of model 'seedance-of-tomorrow', and max_cost is 100 USD"
        with pytest.raises(AirflowFailException, match=why):
            Run().try_once(text_to_video(model="seedance-of-tomorrow", max_cost=100))
        assert emulator.requests() == []

    @needs_store
    def test_max_cost_does_not_apply_to_a_recorded_prediction(self, emulator: Emulator) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        run.try_once(text_to_video(max_cost=0))
        assert [entry["id"] for entry in emulator.ledger()] == [prediction_id]
