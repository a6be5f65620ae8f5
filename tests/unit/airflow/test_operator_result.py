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
from airflow_provider_seedance.gptproto.errors import GenerationFailedError, WaitTimeoutError
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG, text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")


class TestResult:
    def test_return_value_is_the_list_of_output_urls(self, emulator: Emulator, deferrable: bool) -> None:
        outputs = Run().try_once(text_to_video(deferrable=deferrable))

        [booked] = emulator.ledger()
        assert outputs == [f"{emulator.url}/outputs/{booked['id']}/0.mp4"]
        assert booked["delivered"]

    def test_xcom_holds_id_prediction_and_first_url(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        outputs = run.try_once(text_to_video(deferrable=deferrable, duration=5, resolution="720p"))

        [booked] = emulator.ledger()
        assert run.xcoms["prediction_id"] == booked["id"]
        assert run.xcoms["video_url"] == outputs[0]
        prediction = run.xcoms["prediction"]
        for time in ("submitted_at", "created_at", "seen_at", "finished_at"):
            assert pendulum.parse(prediction.pop(time)).timestamp() == pytest.approx(booked["time"], abs=1)  # type: ignore[union-attr]
        assert prediction == {
            "id": booked["id"],
            "model": "doubao-seedance-2-0-fast-260128",
            "mode": "text-to-video",
            "status": "succeeded",
            "parameters": {"prompt": "A paper boat", "duration": 5, "resolution": "720p"},
            # Size of 720p on GPTProto's page, at the service's default ratio of 16:9.
            "width": 1280,
            "height": 720,
            "resolution": "720p",
            "outputs": outputs,
            "error": None,
            "inference_seconds": 0.03,
            "has_nsfw_contents": [False],
            # 5 seconds at 0.0998 USD.
            "estimated_cost_usd": 0.499,
            "submissions": 1,
            "total_cost_usd": 0.499,
        }

    def test_log_summarizes_the_generation(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        Run().try_once(text_to_video(deferrable=deferrable, duration=5, resolution="720p"))

        [booked] = emulator.ledger()
        # The response to the submission counts as the first poll.
        summary = f"Succeeded: 1 output, try 1, {booked['polls'] + 1} polls, "
        [line] = [line for line in printed().splitlines() if summary in line]
        end = rf", generated in 0 s, about 0\.50 USD at list price \(prediction {booked['id']}\)"
        assert re.search(rf"polls, \d+ s after the submission{end}", line)

    def test_return_value_is_the_prediction_id_without_waiting(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(deferrable=deferrable, wait_for_completion=False))

        [booked] = emulator.ledger()
        assert prediction_id == booked["id"]
        assert run.xcoms["prediction_id"] == run.xcoms["prediction"]["id"] == booked["id"]
        assert run.xcoms["prediction"]["status"] == "created"
        assert booked["polls"] == 0

    def test_xcom_holds_id_and_prediction_before_the_wait(self, emulator: Emulator) -> None:
        class RecordingRun(Run):
            def _fire(self, trigger: Any) -> Any:
                xcoms_at_deferral.append(dict(self.xcoms))
                return super()._fire(trigger)

        xcoms_at_deferral: list[dict[str, Any]] = []
        RecordingRun().try_once(text_to_video(deferrable=True))

        assert [set(xcoms) for xcoms in xcoms_at_deferral] == [{"prediction_id", "prediction"}]
        assert (
            xcoms_at_deferral[0]["prediction"]["id"]
            == xcoms_at_deferral[0]["prediction_id"]
            == emulator.ledger()[0]["id"]
        )
        assert (xcoms_at_deferral[0]["prediction"]["status"], xcoms_at_deferral[0]["prediction"]["finished_at"]) == (
            "created",
            None,
        )

    def test_xcom_holds_size_and_resolution_that_the_author_left_out(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=False))
        prediction = run.xcoms["prediction"]
        assert "resolution" not in prediction["parameters"]
        # The defaults of GPTProto's page: 720p at 16:9.
        assert (prediction["resolution"], prediction["width"], prediction["height"]) == ("720p", 1280, 720)

    @pytest.mark.parametrize("pushes_before_failure", [None, 2])
    def test_wait_on_the_worker_pushes_each_change_of_status(
        self, emulator: Emulator, pushes_before_failure: int | None
    ) -> None:
        class RecordingRun(Run):
            def _push(self, key: str, value: Any) -> None:
                super()._push(key, value)
                if key == "prediction":
                    pushed.append(value)

        pushed: list[dict[str, Any]] = []
        emulator.settings(seconds_created=0.0, seconds_queued=0.4, seconds_running=0.4)
        run = RecordingRun(pushes_before_failure=pushes_before_failure)
        assert run.try_once(text_to_video(deferrable=False))
        statuses = [each["status"] for each in pushed]
        # The third push, of the first change, can fail.
        changes = ["queued", "running"] if pushes_before_failure is None else ["running"]
        assert statuses == ["created", *changes, "succeeded"]
        times = [each["seen_at"] for each in pushed]
        assert times == sorted(set(times))
        assert {each["finished_at"] for each in pushed[:-1]} == {None}

    def test_xcom_of_a_timeout_holds_when_the_status_was_seen(self, emulator: Emulator, deferrable: bool) -> None:
        emulator.settings(seconds_created=0.0, seconds_queued=60.0)
        run = Run()
        with pytest.raises(WaitTimeoutError):
            run.try_once(text_to_video(deferrable=deferrable, timeout=1))
        prediction = run.xcoms["prediction"]
        assert prediction["status"] in ("created", "queued")
        assert pendulum.parse(prediction["seen_at"]) < pendulum.parse(prediction["finished_at"])  # type: ignore[operator]

    def test_xcom_holds_the_error_message_of_a_failure(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        with pytest.raises(GenerationFailedError) as caught:
            run.try_once(text_to_video(deferrable=deferrable, prompt="[fail]"))

        prediction = run.xcoms["prediction"]
        assert prediction["id"] == emulator.ledger()[0]["id"]
        assert (prediction["status"], prediction["outputs"]) == ("failed", [])
        assert prediction["error"] == str(caught.value)
        assert "video_url" not in run.xcoms

    def test_xcom_holds_a_refused_submission_without_id(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(AirflowFailException) as caught:
            run.try_once(text_to_video(prompt="[policy]"))

        prediction = run.xcoms["prediction"]
        assert (prediction["id"], prediction["status"], prediction["submitted_at"]) == (None, None, None)
        assert prediction["error"] == str(caught.value)
        assert prediction["parameters"] == {"prompt": "[policy]", "duration": 5}

    def test_failed_push_to_xcom_keeps_the_first_error(self, emulator: Emulator) -> None:
        run = Run(pushes_before_failure=0)
        with pytest.raises(AirflowFailException, match="policy"):
            run.try_once(text_to_video(prompt="[policy]"))

    @pytest.mark.parametrize(
        "broken",
        [None, "text", {"submitted_at": 7}, {"submitted_at": "soon"}, {"outputs": None, "parameters": []}],
        ids=repr,
    )
    def test_broken_report_in_xcom_is_passed_over(self, emulator: Emulator, broken: Any) -> None:
        class BreakingRun(Run):
            def _fire(self, trigger: Any) -> Any:
                self.xcoms["prediction"] = (
                    {**self.xcoms["prediction"], **broken} if isinstance(broken, dict) else broken
                )
                return super()._fire(trigger)

        run = BreakingRun(hands_on=False)
        outputs = run.try_once(text_to_video(deferrable=True))
        assert run.xcoms["prediction"]["outputs"] == outputs

    def test_report_that_the_deferral_hands_on_is_not_read_from_xcom(self, emulator: Emulator) -> None:
        class Counting(Run):
            def _pull(self, *, task_ids: str, map_indexes: int, key: str) -> Any:
                raise AssertionError(f"XCom {key} is read")

        run = Counting()
        outputs = run.try_once(text_to_video(deferrable=True, prompt="A paper boat"))
        assert len(run.deferrals) == 1
        prediction = run.xcoms["prediction"]
        assert (prediction["outputs"], prediction["parameters"]["prompt"]) == (outputs, "A paper boat")
        assert (prediction["submissions"], prediction["width"], prediction["error"]) == (1, 1280, None)

    def test_failed_pull_from_xcom_fails_no_task(self, emulator: Emulator) -> None:
        run = Run(hands_on=False, pull_failure=ConnectionError("the API server is away"))
        assert run.try_once(text_to_video(deferrable=True, durable=False))
        assert len(emulator.ledger()) == 1

    def test_xcom_holds_a_description_of_uploaded_media(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(SeedanceImageToVideoOperator(task_id="make_video", prompt="A paper boat", image=PNG))
        assert run.xcoms["prediction"]["parameters"]["image"] == f"<data:image/png, {len(PNG):,} characters>"


class TestAssets:
    def test_asset_event_holds_prediction_urls_size_and_cost(self, emulator: Emulator, deferrable: bool) -> None:
        asset, alias = Asset("seedance_daily"), AssetAlias("some_videos")
        run = Run(outlets=[asset, alias], outlet_events=OutletEventAccessors())
        outputs = run.try_once(text_to_video(deferrable=deferrable, resolution="480p", aspect_ratio="9:16"))

        assert run.outlet_events[asset].extra == {
            "prediction_id": emulator.ledger()[0]["id"],
            "urls": outputs,
            "model": "doubao-seedance-2-0-fast-260128",
            # Size of 480p at 9:16 on GPTProto's page.
            "width": 496,
            "height": 864,
            "estimated_cost_usd": run.xcoms["prediction"]["estimated_cost_usd"],
        }
        assert run.outlet_events[alias].asset_alias_events == []
