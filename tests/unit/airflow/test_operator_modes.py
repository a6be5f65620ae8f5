"""What the operators of each mode submit; an operator with ``prediction_id`` submits nothing."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator, SeedanceReferenceToVideoOperator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG, text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")


class TestModes:
    def test_text_to_video_sends_every_argument(self, emulator: Emulator) -> None:
        arguments = {
            "prompt": "A paper boat",
            "aspect_ratio": "9:16",
            "duration": 4,
            "resolution": "480p",
            "generate_audio": False,
            "camera_fixed": True,
            "seed": 7,
        }
        Run().try_once(text_to_video(**arguments))

        [booked] = emulator.ledger()
        assert (booked["mode"], booked["vendor"]) == ("text-to-video", "bytedance")
        assert booked["parameters"] == arguments

    def test_only_what_decides_the_price_is_sent_by_default(self, emulator: Emulator) -> None:
        Run().try_once(text_to_video(duration=None))
        sent = {"prompt": "A paper boat", "duration": 5, "resolution": "720p"}
        assert emulator.ledger()[0]["parameters"] == sent

    def test_image_to_video_sends_first_and_last_frame(self, emulator: Emulator) -> None:
        Run().try_once(
            SeedanceImageToVideoOperator(
                task_id="make_video",
                prompt="Night falls",
                image="https://example.com/day.png",
                last_image="https://example.com/night.png",
            )
        )
        [booked] = emulator.ledger()
        assert booked["mode"] == "image-to-video"
        assert booked["parameters"]["image"] == "https://example.com/day.png"
        assert booked["parameters"]["last_image"] == "https://example.com/night.png"
        assert "is_upload_media" not in booked["parameters"]

    def test_uploaded_media_set_is_upload_media(self, emulator: Emulator) -> None:
        Run().try_once(SeedanceImageToVideoOperator(task_id="make_video", prompt="Night falls", image=PNG))
        assert emulator.ledger()[0]["parameters"]["is_upload_media"] is True

    def test_reference_to_video_sends_images_video_and_audio(self, emulator: Emulator) -> None:
        media: dict[str, Any] = {
            "images": ["https://example.com/a.png", "https://example.com/b.png"],
            "videos": ["https://example.com/a.mp4"],
            "audios": ["https://example.com/a.mp3"],
        }
        Run().try_once(SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It dances", **media))
        [booked] = emulator.ledger()
        assert booked["mode"] == "reference-to-video"
        assert {name: booked["parameters"][name] for name in media} == media


class TestPredictionId:
    def test_prediction_id_waits_and_submits_nothing(self, emulator: Emulator, deferrable: bool) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        outputs = Run().try_once(text_to_video(deferrable=deferrable, prediction_id=prediction_id))

        assert len(emulator.ledger()) == 1
        assert outputs == [f"{emulator.url}/outputs/{prediction_id}/0.mp4"]

    def test_unknown_prediction_id_ends_the_task(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (0.0, 0.0))
        with pytest.raises(AirflowFailException, match=r"does not know .* \(prediction 0a0a\)"):
            Run().try_once(text_to_video(prediction_id="0a0a"))
        assert emulator.ledger() == []

    def test_prediction_id_ignores_invalid_arguments(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        run = Run()
        run.try_once(text_to_video(prompt="", duration="soon", prediction_id=f" {prediction_id}\n"))
        assert run.xcoms["prediction"]["estimated_cost_usd"] is None

    def test_prediction_id_of_a_failed_prediction_ends_the_task(self, emulator: Emulator, deferrable: bool) -> None:
        prediction_id = Run().try_once(text_to_video(prompt="[fail]", wait_for_completion=False))
        with pytest.raises(AirflowFailException, match="Remove prediction_id to submit a new generation"):
            Run().try_once(text_to_video(prediction_id=prediction_id, deferrable=deferrable))
