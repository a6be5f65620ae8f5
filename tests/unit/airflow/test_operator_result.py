"""The result of an operator: return value, XCom, log and asset events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG, text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")


class TestResult:
    def test_is_the_list_of_output_addresses(self, emulator: Emulator, deferrable: bool) -> None:
        outputs = Run().try_once(text_to_video(deferrable=deferrable))

        [booked] = emulator.ledger()
        assert outputs == [f"{emulator.url}/outputs/{booked['id']}/0.mp4"]
        assert booked["delivered"]

    def test_xcom_holds_id_prediction_and_first_address(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        outputs = run.try_once(text_to_video(deferrable=deferrable, duration=5, resolution="720p"))

        [booked] = emulator.ledger()
        assert run.xcoms["prediction_id"] == booked["id"]
        assert run.xcoms["video_url"] == outputs[0]
        prediction = run.xcoms["prediction"]
        for time in ("submitted_at", "created_at", "finished_at"):
            assert pendulum.parse(prediction.pop(time)).timestamp() == pytest.approx(booked["time"], abs=1)  # type: ignore[union-attr]
        assert prediction == {
            "id": booked["id"],
            "model": "doubao-seedance-2-0-fast-260128",
            "mode": "text-to-video",
            "status": "succeeded",
            "parameters": {"prompt": "A paper boat", "duration": 5, "resolution": "720p"},
            # The page's size of 720p at the service's default, 16:9.
            "width": 1280,
            "height": 720,
            "outputs": outputs,
            "error": None,
            "inference_seconds": 0.03,
            "has_nsfw_contents": [False],
            # 5 seconds at 0.0998 USD.
            "estimated_cost_usd": 0.499,
        }

    def test_the_log_sums_up(self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]) -> None:
        Run().try_once(text_to_video(deferrable=deferrable, duration=5, resolution="720p"))

        [booked] = emulator.ledger()
        # The submission's answer counts as the first look.
        summary = f"Succeeded: 1 output, try 1, {booked['polls'] + 1} polls, "
        [line] = [line for line in printed().splitlines() if summary in line]
        end = rf", generated in 0 s, about 0\.50 USD at list price \(prediction {booked['id']}\)"
        assert re.search(rf"polls, \d+ s after the submission{end}", line)

    def test_is_the_prediction_id_without_waiting(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(deferrable=deferrable, wait_for_completion=False))

        [booked] = emulator.ledger()
        assert prediction_id == booked["id"]
        assert run.xcoms["prediction_id"] == run.xcoms["prediction"]["id"] == booked["id"]
        assert run.xcoms["prediction"]["status"] == "created"
        assert booked["polls"] == 0

    def test_what_is_known_is_in_xcom_before_the_wait(self, emulator: Emulator) -> None:
        class Waiting(Run):
            def _fire(self, trigger: Any) -> Any:
                seen.append(dict(self.xcoms))
                return super()._fire(trigger)

        seen: list[dict[str, Any]] = []
        Waiting().try_once(text_to_video(deferrable=True))

        assert [set(xcoms) for xcoms in seen] == [{"prediction_id", "prediction"}]
        assert seen[0]["prediction"]["id"] == seen[0]["prediction_id"] == emulator.ledger()[0]["id"]
        assert (seen[0]["prediction"]["status"], seen[0]["prediction"]["finished_at"]) == ("created", None)

    def test_a_failure_is_in_xcom_in_words(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        with pytest.raises(GenerationFailedError) as caught:
            run.try_once(text_to_video(deferrable=deferrable, prompt="[fail]"))

        prediction = run.xcoms["prediction"]
        assert prediction["id"] == emulator.ledger()[0]["id"]
        assert (prediction["status"], prediction["outputs"]) == ("failed", [])
        assert prediction["error"] == str(caught.value)
        assert "video_url" not in run.xcoms

    def test_a_refusal_is_in_xcom_without_an_id(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(AirflowFailException) as caught:
            run.try_once(text_to_video(prompt="[policy]"))

        prediction = run.xcoms["prediction"]
        assert (prediction["id"], prediction["status"], prediction["submitted_at"]) == (None, None, None)
        assert prediction["error"] == str(caught.value)
        assert prediction["parameters"] == {"prompt": "[policy]", "duration": 5}

    def test_a_failure_that_cannot_be_told_stays_what_it_is(self, emulator: Emulator) -> None:
        run = Run(pushes_before_failure=0)
        with pytest.raises(AirflowFailException, match="policy"):
            run.try_once(text_to_video(prompt="[policy]"))

    @pytest.mark.parametrize(
        "spoiled",
        [None, "text", {"submitted_at": 7}, {"submitted_at": "soon"}, {"outputs": None, "parameters": []}],
        ids=repr,
    )
    def test_what_was_told_before_the_wait_may_be_spoiled(self, emulator: Emulator, spoiled: Any) -> None:
        class Spoiling(Run):
            def _fire(self, trigger: Any) -> Any:
                self.xcoms["prediction"] = (
                    {**self.xcoms["prediction"], **spoiled} if isinstance(spoiled, dict) else spoiled
                )
                return super()._fire(trigger)

        run = Spoiling()
        outputs = run.try_once(text_to_video(deferrable=True))
        assert run.xcoms["prediction"]["outputs"] == outputs

    def test_a_pull_that_fails_costs_nothing(self, emulator: Emulator) -> None:
        run = Run(pull_failure=ConnectionError("the API server is away"))
        assert run.try_once(text_to_video(deferrable=True, durable=False))
        assert len(emulator.ledger()) == 1

    def test_uploaded_media_are_only_described_in_xcom(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(SeedanceImageToVideoOperator(task_id="make_video", prompt="A paper boat", image=PNG))
        assert run.xcoms["prediction"]["parameters"]["image"] == f"<data:image/png, {len(PNG):,} characters>"


class TestAssets:
    def test_an_outlet_tells_what_was_made(self, emulator: Emulator, deferrable: bool) -> None:
        asset, alias = Asset("seedance_daily"), AssetAlias("some_videos")
        run = Run(outlets=[asset, alias], outlet_events=OutletEventAccessors())
        outputs = run.try_once(text_to_video(deferrable=deferrable, resolution="480p", aspect_ratio="9:16"))

        assert run.outlet_events[asset].extra == {
            "prediction_id": emulator.ledger()[0]["id"],
            "urls": outputs,
            "model": "doubao-seedance-2-0-fast-260128",
            # The page's size of 480p at 9:16.
            "width": 496,
            "height": 864,
            "estimated_cost_usd": run.xcoms["prediction"]["estimated_cost_usd"],
        }
        assert run.outlet_events[alias].asset_alias_events == []
