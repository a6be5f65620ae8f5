"""Arguments of the operators: templates, checks and ``max_cost``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from airflow.sdk import DAG

from airflow_provider_seedance.decorators.seedance import SeedanceDecoratedOperator, seedance_task
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.media.media import UploadedMedia
from airflow_provider_seedance.gptproto.values import as_media_list
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
        ours = {"model", "extra_parameters", "prediction_id", "idempotency_key", "seedance_conn_id"}
        assert set(operator_class.template_fields) == common | ours | own

    @pytest.mark.parametrize(
        "images",
        [[PNG], "{{ params.image }}", lambda context, jinja_env: [context["params"]["image"]]],
        ids=["value", "template", "function"],
    )
    def test_rendered_fields_hold_no_media(self, images: Any) -> None:
        from airflow.serialization.helpers import serialize_template_field

        operator = SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It dances", images=images)
        operator.render_template_fields(Run().context(params={"image": PNG}))
        [image] = as_media_list(operator.images) or []
        assert isinstance(image, UploadedMedia)
        for name in operator.template_fields:
            assert PNG[40:80] not in str(serialize_template_field(getattr(operator, name), name))

    def test_function_in_place_of_a_template_is_called(self, emulator: Emulator) -> None:
        operator = text_to_video(prompt=lambda context, jinja_env: f"A {context['params']['what']}")
        Run().try_once(operator, params={"what": "kite"})
        assert [booked["parameters"]["prompt"] for booked in emulator.ledger()] == ["A kite"]

    @pytest.mark.parametrize("form", [Path, ObjectStoragePath])
    def test_paths_of_media_are_templates(self, form: Callable[[str], Any]) -> None:
        operator = SeedanceReferenceToVideoOperator(
            task_id="make_video",
            prompt="It dances",
            images=[form("/media/{{ ds }}.png"), form("/media/{{ ds }}.txt")],
            videos=form("/media/{{ ds }}/walk.mp4"),
        )
        operator.render_template_fields(Run().context(ds="2026-01-01"))
        assert operator.images == [form("/media/2026-01-01.png"), form("/media/2026-01-01.txt")]
        assert operator.videos == form("/media/2026-01-01/walk.mp4")

    @pytest.mark.parametrize("value", ["https://cdn.example/a.png", "None", ""])
    def test_path_whose_template_gives_a_url_or_nothing_is_text(self, value: str) -> None:
        image = Path("{{ params.image }}")
        operator = SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It dances", images=[image])
        operator.render_template_fields(Run().context(params={"image": value}))
        assert operator.images == [value]

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
            last_image="file:///nowhere/b.png",
            aspect_ratio="2:1",
            duration=16,
            resolution="2k",
            generate_audio="perhaps",
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
            ({"validation": "warning"}, "strict, warn"),
            ({"validation": "{{ params.validation }}"}, "strict, warn"),
            ({"validation": None}, "strict, warn"),
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
        Run().try_once(text_to_video(camera_fixed=True, seed=5))
        why = "GPTProto's page lists it for every model, but ByteDance refuses it for Seedance 2.0 fast"
        assert f"camera_fixed: True may be refused or ignored: {why}" in printed()
        assert "seed" not in printed()
        assert len(emulator.ledger()) == 1


def decorated(**arguments: Any) -> Any:
    def make_video() -> str:
        return "A paper boat"

    task: Any = seedance_task(make_video, **arguments)
    return task().operator


OPERATORS: dict[str, Callable[..., SeedanceBaseOperator]] = {
    "text-to-video": text_to_video,
    "image-to-video": partial(
        SeedanceImageToVideoOperator, task_id="make_video", prompt="It sails", image="https://example.com/a.png"
    ),
    "reference-to-video": partial(
        SeedanceReferenceToVideoOperator, task_id="make_video", prompt="It sails", images=["https://example.com/a.png"]
    ),
    "decorated": decorated,
}


class TestValidation:
    @pytest.mark.parametrize("arguments", [{}, {"validation": "strict"}], ids=["default", "strict"])
    @pytest.mark.parametrize("operator", OPERATORS)
    def test_strict_sends_nothing(self, emulator: Emulator, operator: str, arguments: dict[str, Any]) -> None:
        with pytest.raises(AirflowFailException, match="resolution: '1080p' is not allowed") as caught:
            Run().try_once(OPERATORS[operator](resolution="1080p", **arguments))
        assert 'set validation="warn"' in str(caught.value)
        assert emulator.requests() == []

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_warn_leaves_the_refusal_to_the_service(
        self, emulator: Emulator, operator: str, printed: Callable[[], str]
    ) -> None:
        with pytest.raises(AirflowFailException, match="1080p") as caught:
            Run().try_once(OPERATORS[operator](resolution="1080p", validation="warn"))
        assert "Nothing was charged" in str(caught.value)
        assert [request["status"] for request in emulator.requests()] == [400]
        assert emulator.ledger() == []
        assert "resolution: '1080p' is not allowed; allowed: 480p, 720p for Seedance 2.0 fast (sent, " in printed()

    def test_warn_submits_what_the_service_accepts(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        # An old catalogue: the emulator imported its own range.
        monkeypatch.setattr("airflow_provider_seedance.gptproto.rules.ASPECT_RATIOS", ("16:9",))
        run = Run()
        with pytest.raises(AirflowFailException, match="aspect_ratio: '1:1' is not allowed"):
            run.try_once(text_to_video(aspect_ratio="1:1"))
        assert run.try_once(text_to_video(aspect_ratio="1:1", validation="warn"))
        assert len(emulator.ledger()) == 1

    def test_warn_still_refuses_what_no_model_can_excuse(self, emulator: Emulator) -> None:
        with pytest.raises(AirflowFailException, match="prompt: ' ' is not allowed"):
            Run().try_once(text_to_video(prompt=" ", validation="warn"))
        assert emulator.requests() == []

    def test_default_args_set_it_for_a_dag(self) -> None:
        with DAG("warned", schedule=None, default_args={"validation": "warn"}):
            operator = text_to_video()
        assert operator.generation_options().validation == "warn"


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

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            ({"model": "seedance-2-5", "resolution": "1080p"}, "unknown because of resolution '1080p'"),
            ({"resolution": "1080p", "validation": "warn"}, "unknown because of resolution '1080p'"),
            ({"resolution": "2k", "validation": "warn"}, "unknown because of resolution '2k'"),
            # 15 s at 0.0998 USD.
            ({"duration": -1, "max_cost": 1.49}, "and up to 1.50 USD because of duration=-1"),
            ({"duration": 60, "validation": "warn", "max_cost": 5}, "about 5.99 USD"),
            ({"aspect_ratio": "adaptive", "max_cost": 0.49}, "about 0.50 USD"),
            ({"model": "doubao-seedance-2-0-260128", "resolution": "4k", "max_cost": 4.27}, "about 4.28 USD"),
        ],
    )
    def test_value_with_a_warning_is_not_submitted_if_it_can_cost_more(
        self, emulator: Emulator, arguments: dict[str, Any], why: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=re.escape(why)):
            Run().try_once(text_to_video(**{"max_cost": 100, **arguments}))
        assert emulator.requests() == []

    def test_4k_is_submitted_up_to_max_cost(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(model="doubao-seedance-2-0-260128", resolution="4k", max_cost=4.28))
        assert emulator.ledger()[0]["cost"] == "4.27680"
        assert (run.xcoms["prediction"]["width"], run.xcoms["prediction"]["height"]) == (None, None)

    @needs_store
    def test_max_cost_does_not_apply_to_a_recorded_prediction(self, emulator: Emulator) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        run.try_once(text_to_video(max_cost=0))
        assert [entry["id"] for entry in emulator.ledger()] == [prediction_id]
