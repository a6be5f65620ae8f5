"""What Airflow passes to tasks: missing values, native objects, lazy sequences, and outlets of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset, AssetAlias
from airflow.sdk import DAG, task
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator, SeedanceReferenceToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG, text_to_video
from tests.unit.gptproto.test_given import MISSING, Lazy

pytestmark = pytest.mark.usefixtures("short_waits")

IMAGE = "https://example.com/a.png"
#: The arguments of an operator that may be left out, by the README's table.
OPTIONAL = (
    "aspect_ratio", "duration", "resolution", "generate_audio", "camera_fixed", "seed", "model", "prediction_id",
)  # fmt: skip


def native(operator: Callable[[], Any]) -> Any:
    """Return a task of a DAG whose templates render native objects."""
    with DAG("native", schedule=None, render_template_as_native_obj=True):
        return operator()


def references(**arguments: Any) -> SeedanceReferenceToVideoOperator:
    return SeedanceReferenceToVideoOperator(**{"task_id": "make_video", "prompt": "It dances", **arguments})


class TestMissingValues:
    @pytest.mark.parametrize("value", [None, "", float("nan")], ids=repr)
    @pytest.mark.parametrize("is_native", [False, True], ids=["text", "native"])
    def test_templates_without_a_value_are_not_given(self, emulator: Emulator, value: Any, *, is_native: bool) -> None:
        operator = text_to_video(**dict.fromkeys(OPTIONAL, "{{ params.value }}"))
        if is_native:
            arguments = dict.fromkeys(OPTIONAL, "{{ params.value }}")
            operator = native(lambda: text_to_video(**arguments))
        Run().try_once(operator, params={"value": value})
        [booked] = emulator.ledger()
        assert booked["model"] == "doubao-seedance-2-0-fast-260128"
        assert booked["parameters"] == {"prompt": "A paper boat", "duration": 5, "resolution": "720p"}

    @pytest.mark.parametrize("value", ["", "None", "null", float("nan")], ids=repr)
    def test_empty_cells_of_media_are_not_given(self, emulator: Emulator, value: Any) -> None:
        Run().try_once(references(images=[IMAGE, value], videos=value, audios=[value], is_upload_media=value))
        image = SeedanceImageToVideoOperator(task_id="make_video", prompt="It sails", image=IMAGE, last_image=value)
        Run().try_once(image)
        sent = {"duration": 5, "resolution": "720p"}
        assert [each["parameters"] for each in emulator.ledger()] == [
            {"prompt": "It dances", "images": [IMAGE], **sent},
            {"prompt": "It sails", "image": IMAGE, **sent},
        ]

    @pytest.mark.parametrize("value", MISSING, ids=repr)
    def test_missing_prompt_or_image_is_an_error_before_a_request(self, emulator: Emulator, value: Any) -> None:
        with pytest.raises(AirflowFailException, match=r"prompt: .* is not allowed"):
            Run().try_once(text_to_video(prompt=value))
        with pytest.raises(AirflowFailException, match="image-to-video needs it"):
            Run().try_once(SeedanceImageToVideoOperator(task_id="make_video", prompt="It sails", image=value))
        with pytest.raises(AirflowFailException, match="at least one image or video"):
            Run().try_once(references(images=[value]))
        assert emulator.requests() == []

    @pytest.mark.parametrize("value", ["", "None", float("nan"), [], [""]], ids=repr)
    def test_empty_cells_do_not_choose_the_mode_of_a_function(self, emulator: Emulator, value: Any) -> None:
        with DAG("dag", schedule=None):

            @task.seedance
            def describe() -> dict[str, Any]:
                return {"prompt": "A paper boat", "image": value, "images": value, "seed": float("nan")}

            described: Any = describe()
        Run().try_once(described.operator)
        [booked] = emulator.ledger()
        assert booked["mode"] == "text-to-video"
        assert "seed" not in booked["parameters"]

    @pytest.mark.parametrize("value", MISSING, ids=repr)
    def test_missing_id_of_a_sensor_sends_no_request_about_it(self, emulator: Emulator, value: Any) -> None:
        with pytest.raises(AirflowFailException, match="prediction"):
            Run().try_once(SeedancePredictionSensor(task_id="wait", prediction_id=value, poke_interval=0.01))
        assert emulator.requests() == []

    def test_missing_arguments_of_a_transfer_are_the_defaults(self, emulator: Emulator, tmp_path: Path) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        Run().try_once(SeedancePredictionSensor(task_id="wait", prediction_id=prediction_id, poke_interval=0.01))
        copy = SeedanceToObjectStorageOperator(
            task_id="copy",
            destination=str(tmp_path),
            prediction_id=prediction_id,
            urls="{{ params.value }}",
            filename="{{ params.value }}",
            storage_conn_id="{{ params.value }}",
        )
        for value in (None, "", float("nan")):
            assert Run().try_once(copy, params={"value": value}) == [f"{tmp_path}/{prediction_id}-0.mp4"]

    @pytest.mark.parametrize("value", ["", "None", " ", None], ids=repr)
    def test_missing_destination_is_an_error(self, emulator: Emulator, value: Any) -> None:
        with pytest.raises(AirflowFailException, match=r"destination: .* is not allowed; allowed: a path or URI"):
            Run().try_once(SeedanceToObjectStorageOperator(task_id="copy", prediction_id="a", destination=value))
        assert emulator.requests() == []


class TestNativeObjects:
    @pytest.mark.parametrize("prompt", ["1984", "True", "3.5", "A paper boat"])
    def test_prompt_may_look_like_a_number(self, emulator: Emulator, prompt: str) -> None:
        Run().try_once(native(lambda: text_to_video(prompt="{{ params.prompt }}")), params={"prompt": prompt})
        assert emulator.ledger()[0]["parameters"]["prompt"] == prompt

    def test_prediction_id_of_digits_is_polled(self, emulator: Emulator, tmp_path: Path) -> None:
        seen = "/api/v3/predictions/1234/result"
        tasks: list[Callable[[], Any]] = [
            lambda: text_to_video(prediction_id="{{ params.id }}"),
            lambda: SeedancePredictionSensor(task_id="wait", prediction_id="{{ params.id }}", poke_interval=0.01),
            lambda: SeedanceToObjectStorageOperator(
                task_id="copy", prediction_id="{{ params.id }}", destination=str(tmp_path)
            ),
        ]
        for number, make in enumerate(tasks, 1):
            with pytest.raises(AirflowFailException, match="1234"):
                Run().try_once(native(make), params={"id": "1234"})
            assert len({request["path"] for request in emulator.requests()} - {seen}) == 0
            assert len(emulator.requests()) >= number
        assert emulator.ledger() == []


class TestSequences:
    def test_lazy_sequences_are_media(self, emulator: Emulator) -> None:
        operator = references(images=Lazy(IMAGE, PNG), videos=Lazy("https://example.com/a.mp4"), audios=Lazy())
        run = Run()
        run.try_once(operator)
        [booked] = emulator.ledger()
        assert booked["mode"] == "reference-to-video"
        assert run.xcoms["prediction"]["parameters"]["images"][0] == IMAGE
        assert run.operator.images[0] == IMAGE
        # Rendered fields are stored and shown.
        assert PNG[40:80] not in str(run.operator.images)

    def test_lazy_sequences_are_arguments_of_functions(self, emulator: Emulator) -> None:
        with DAG("dag", schedule=None):

            @task.seedance
            def describe(images: Any, *, sounds: Any) -> dict[str, Any]:
                return {"prompt": "It dances", "images": images, "audios": sounds}

            described: Any = describe(Lazy(IMAGE, PNG), sounds=Lazy())
        run = Run()
        run.try_once(described.operator)
        assert emulator.ledger()[0]["mode"] == "reference-to-video"
        assert len(run.xcoms["prediction"]["parameters"]["images"]) == 2
        assert PNG[40:80] not in str(run.operator.op_args)

    def test_text_of_a_list_is_media(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(references(images="{{ params.images }}"), params={"images": [IMAGE, PNG]})
        assert run.xcoms["prediction"]["parameters"]["images"][0] == IMAGE
        assert len(run.xcoms["prediction"]["parameters"]["images"]) == 2
        assert PNG[40:80] not in str(run.operator.images)

    def test_lazy_sequence_of_urls_is_stored(self, emulator: Emulator, tmp_path: Path) -> None:
        urls = Lazy(*Run().try_once(text_to_video()))
        copy = SeedanceToObjectStorageOperator(
            task_id="copy", urls=urls, destination=str(tmp_path), filename="{index}.{ext}", allow_private_addresses=True
        )
        assert Run().try_once(copy) == [f"{tmp_path}/0.mp4"]
        assert len(urls.reads) == 1


class TestOutlets:
    def test_reference_to_an_asset_gets_the_extra(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        asset = Asset("daily", uri="s3://videos/daily")
        monkeypatch.setattr(OutletEventAccessors, "_get_asset_from_db", staticmethod(lambda **_: asset))
        run = Run(outlets=[Asset.ref(name="daily")], outlet_events=OutletEventAccessors())
        outputs = run.try_once(text_to_video())
        assert run.outlet_events[asset].extra["urls"] == outputs

    def test_events_that_the_author_added_to_an_alias_get_the_extra(self, emulator: Emulator) -> None:
        alias, asset = AssetAlias("some_videos"), Asset("daily")
        run = Run(outlets=[alias], outlet_events=OutletEventAccessors())
        run.outlet_events[alias].add(asset, extra={"shot": 7})
        outputs = run.try_once(text_to_video())
        [event] = run.outlet_events[alias].asset_alias_events
        assert (event.extra["shot"], event.extra["urls"]) == (7, outputs)

    def test_outlet_that_airflow_does_not_find_fails_no_task(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str]
    ) -> None:
        def not_found(**_: Any) -> None:
            raise RuntimeError("ASSET_NOT_FOUND")

        monkeypatch.setattr(OutletEventAccessors, "_get_asset_from_db", staticmethod(not_found))
        asset = Asset("daily")
        run = Run(outlets=["s3://text", Asset.ref(uri="s3://gone"), asset], outlet_events=OutletEventAccessors())
        outputs = run.try_once(text_to_video())
        assert run.outlet_events[asset].extra["urls"] == outputs
        assert "ASSET_NOT_FOUND" in printed()
