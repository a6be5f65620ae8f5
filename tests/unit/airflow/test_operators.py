"""The operators, driven as Airflow drives them, against the emulator."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import DAG, Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import (
    GenerationFailedError,
    NsfwContentError,
    RateLimitError,
    UnconfirmedSubmissionError,
    WaitTimeoutError,
)
from airflow_provider_seedance.operators.base import SeedanceBaseOperator
from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
    SeedanceTextToVideoOperator,
)
from airflow_provider_seedance.tasks import submit
from tests.unit.airflow.driving import FakeStore, Run
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG" + b"pixels" * 200).decode()


@pytest.fixture(params=[True, False], ids=["deferrable", "waiting on the worker"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def text_to_video(**arguments: Any) -> SeedanceTextToVideoOperator:
    return SeedanceTextToVideoOperator(**{"task_id": "make_video", "prompt": "A paper boat", **arguments})


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

    def test_a_named_prediction_is_waited_for_and_nothing_submitted(self, emulator: Emulator, deferrable: bool) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        outputs = Run().try_once(text_to_video(deferrable=deferrable, prediction_id=prediction_id))

        assert len(emulator.ledger()) == 1
        assert outputs == [f"{emulator.url}/outputs/{prediction_id}/0.mp4"]

    def test_a_named_prediction_that_does_not_exist_ends_the_task(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (0.0, 0.0))
        with pytest.raises(AirflowFailException, match=r"does not know .* \(prediction 0a0a\)"):
            Run().try_once(text_to_video(prediction_id="0a0a"))
        assert emulator.ledger() == []

    def test_a_named_prediction_needs_no_other_argument_to_be_right(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        run = Run()
        run.try_once(text_to_video(prompt="", duration="soon", prediction_id=f" {prediction_id}\n"))
        assert run.xcoms["prediction"]["estimated_cost_usd"] is None

    def test_a_named_prediction_that_failed_ends_the_task(self, emulator: Emulator, deferrable: bool) -> None:
        prediction_id = Run().try_once(text_to_video(prompt="[fail]", wait_for_completion=False))
        with pytest.raises(AirflowFailException, match="Remove prediction_id to submit a new generation"):
            Run().try_once(text_to_video(prediction_id=prediction_id, deferrable=deferrable))


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

    def test_what_is_not_given_is_not_sent_but_the_duration_is(self, emulator: Emulator) -> None:
        Run().try_once(text_to_video(duration=None))
        assert emulator.ledger()[0]["parameters"] == {"prompt": "A paper boat", "duration": 5}

    def test_image_to_video_with_first_and_last_frame(self, emulator: Emulator) -> None:
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

    def test_uploaded_media_are_declared(self, emulator: Emulator) -> None:
        Run().try_once(SeedanceImageToVideoOperator(task_id="make_video", prompt="Night falls", image=PNG))
        assert emulator.ledger()[0]["parameters"]["is_upload_media"] is True

    def test_reference_to_video_with_images_video_and_audio(self, emulator: Emulator) -> None:
        media: dict[str, Any] = {
            "images": ["https://example.com/a.png", "https://example.com/b.png"],
            "videos": ["https://example.com/a.mp4"],
            "audios": ["https://example.com/a.mp3"],
        }
        Run().try_once(SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It dances", **media))
        [booked] = emulator.ledger()
        assert booked["mode"] == "reference-to-video"
        assert {name: booked["parameters"][name] for name in media} == media


class TestTemplates:
    def test_numbers_and_booleans_come_from_rendered_text(self, emulator: Emulator) -> None:
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
    def test_a_prompt_comes_from_a_file(self, emulator: Emulator, tmp_path: Path, ending: str) -> None:
        (tmp_path / f"boat{ending}").write_text("A boat called {{ params.name }}\n")
        with DAG("boats", schedule=None, template_searchpath=str(tmp_path)):
            operator = text_to_video(prompt=f"boat{ending}")
        operator.resolve_template_files()
        Run().try_once(operator, params={"name": "Ada"})

        assert emulator.ledger()[0]["parameters"]["prompt"] == "A boat called Ada"

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

    def test_media_stay_out_of_rendered_fields(self) -> None:
        from airflow.serialization.helpers import serialize_template_field

        operator = SeedanceReferenceToVideoOperator(task_id="make_video", prompt="It dances", images=[PNG])
        operator.render_template_fields(Run().context())
        for name in operator.template_fields:
            assert PNG[40:80] not in str(serialize_template_field(getattr(operator, name), name))


class TestBadInput:
    def test_ten_wrong_arguments_give_one_message_with_ten_lines(self, emulator: Emulator) -> None:
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

    def test_values_are_not_checked_before_they_are_rendered(self) -> None:
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
    def test_policies_are_checked_when_the_dag_is_parsed(self, arguments: dict[str, Any], allowed: str) -> None:
        with pytest.raises(ValueError, match=allowed):
            text_to_video(**arguments)

    @pytest.mark.parametrize(("prompt", "status"), [("[policy]", 400), ("[policy-type]", 400)])
    def test_refused_content_ends_the_task(self, emulator: Emulator, prompt: str, status: int) -> None:
        with pytest.raises(AirflowFailException, match=r"Nothing was charged\. Change the prompt"):
            Run().try_once(text_to_video(prompt=prompt))
        assert [request["status"] for request in emulator.requests()] == [status]


class TestMaximumCost:
    # 5 seconds at 0.0998 USD are 0.499 USD.
    @pytest.mark.parametrize("max_cost", [0.499, 1, None])
    def test_what_may_be_spent_is_spent(self, emulator: Emulator, max_cost: float | None) -> None:
        Run().try_once(text_to_video(max_cost=max_cost))
        assert len(emulator.ledger()) == 1

    @pytest.mark.parametrize("max_cost", [0.498, 0])
    def test_more_is_refused_before_anything_is_sent(self, emulator: Emulator, max_cost: float) -> None:
        run = Run()
        with pytest.raises(AirflowFailException, match=r"about 0\.50 USD at list price, and max_cost is 0") as caught:
            run.try_once(text_to_video(max_cost=max_cost))
        assert "Nothing was charged. Nothing was sent." in str(caught.value)
        assert run.xcoms["prediction"]["estimated_cost_usd"] == 0.499
        assert emulator.requests() == []

    def test_an_unknown_price_is_refused(self, emulator: Emulator) -> None:
        with pytest.raises(AirflowFailException, match="at an unknown price, and max_cost is 100 USD"):
            Run().try_once(text_to_video(model="seedance-of-tomorrow", max_cost=100))
        assert emulator.requests() == []

    @needs_store
    def test_a_retry_goes_on_with_what_was_paid_for(self, emulator: Emulator) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        run.try_once(text_to_video(max_cost=0))
        assert [entry["id"] for entry in emulator.ledger()] == [prediction_id]


@needs_store
class TestRecord:
    def test_a_retry_goes_on_with_what_was_submitted(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        emulator.settings(seconds_running=60)
        with pytest.raises(WaitTimeoutError, match="pays nothing"):
            run.try_once(text_to_video(deferrable=deferrable, timeout=0.2, poll_interval=0.1))

        [booked] = emulator.ledger()
        with pytest.raises(WaitTimeoutError):
            run.try_once(text_to_video(deferrable=deferrable, timeout=0.2, poll_interval=0.1))
        assert [each["id"] for each in emulator.ledger()] == [booked["id"]]

    def test_a_lost_answer_ends_the_task_and_a_retry_does_not_pay_again(self, emulator: Emulator) -> None:
        run = Run()
        emulator.fault(endpoint="submit", drop="after")
        for _ in range(2):
            with pytest.raises(AirflowFailException, match="may have been started and charged"):
                run.try_once(text_to_video())
        assert len(emulator.ledger()) == 1

    def test_the_author_can_accept_to_pay_twice(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(on_unconfirmed_submission="resubmit")
        emulator.fault(endpoint="submit", drop="after")
        with pytest.raises(UnconfirmedSubmissionError, match="A retry of this task submits again"):
            run.try_once(operator)
        assert run.try_once(operator)
        assert len(emulator.ledger()) == 2

    def test_a_failed_generation_is_submitted_anew(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        emulator.fault(endpoint="result", answer="failed", times=2)
        with pytest.raises(GenerationFailedError, match="pays for, a new generation"):
            run.try_once(text_to_video(deferrable=deferrable))
        run.try_once(text_to_video(deferrable=deferrable))
        assert len(emulator.ledger()) == 2

    @pytest.mark.parametrize(("on_clear", "booked"), [("reuse", 1), ("regenerate", 2)])
    def test_a_clear_after_delivery(self, emulator: Emulator, on_clear: str, booked: int) -> None:
        run = Run()
        run.try_once(text_to_video(on_clear=on_clear))
        run.clear_number += 1
        run.try_once(text_to_video(on_clear=on_clear))
        assert len(emulator.ledger()) == booked

    def test_a_reused_video_was_not_finished_now(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video())
        run.clear_number += 1
        run.try_once(text_to_video())
        assert run.xcoms["prediction"]["finished_at"] is None
        assert run.xcoms["prediction"]["submitted_at"] is not None

    def test_other_arguments_are_another_generation(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video())
        run.try_once(text_to_video(prompt="A kite"))
        assert len(emulator.ledger()) == 2

    def test_the_intent_is_written_before_and_the_id_after_the_submission(self, emulator: Emulator) -> None:
        store = FakeStore()
        Run(store).try_once(text_to_video())
        [booked] = emulator.ledger()
        assert [(each["prediction_id"], each["delivered"]) for each in store.writes] == [
            (None, False),
            (booked["id"], False),
            (booked["id"], True),
        ]

    def test_a_refused_submission_leaves_no_record(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt="[policy]"))
        assert run.store is not None
        assert run.store.values == {}

    def test_durable_false_keeps_no_record(self, emulator: Emulator) -> None:
        store = FakeStore()
        Run(store).try_once(text_to_video(durable=False))
        assert store.writes == []


@needs_store
class TestRecordWhenMoreGoesWrong:
    """Each case once led to a second payment, or to an id that nobody was told."""

    def test_a_failed_delivery_is_no_delivery(self, emulator: Emulator) -> None:
        run = Run(pushes_before_failure=1)
        operator = text_to_video(on_clear="regenerate")
        with pytest.raises(ConnectionError):
            run.try_once(operator)
        run.clear_number += 1
        assert run.try_once(operator)
        assert len(emulator.ledger()) == 1

    def test_a_clear_before_the_delivery_asks_for_no_other_video(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(on_clear="regenerate", timeout=0.1, poll_interval=0.05)
        emulator.fault(endpoint="result", status=503, times=None)
        with pytest.raises(WaitTimeoutError):
            run.try_once(operator)
        emulator.clear_faults()
        run.clear_number += 1
        outputs = run.try_once(operator)
        # What Airflow does when the worker dies before it could note the success.
        assert run.try_once(operator) == outputs
        assert len(emulator.ledger()) == 1

    def test_a_refused_submission_leaves_the_earlier_record(self, emulator: Emulator) -> None:
        run = Run()
        outputs = run.try_once(text_to_video())
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt="[policy]"))
        assert run.try_once(text_to_video()) == outputs
        assert len(emulator.ledger()) == 1

    def test_a_stopped_task_sends_nothing_more(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        run = Run()
        emulator.fault(endpoint="submit", status=429, retry_after=0)
        monkeypatch.setitem(submit.send.__kwdefaults__ or {}, "sleep", lambda _: run.operator.on_kill())
        with pytest.raises(AirflowException, match="stopped before its submission was sent"):
            run.try_once(text_to_video())
        assert emulator.ledger() == []


class TestWithoutStore:
    """As below Airflow 3.3."""

    def test_there_is_one_warning_and_all_else_is_the_same(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        run = Run(store=None)
        outputs = run.try_once(text_to_video(deferrable=deferrable))
        [booked] = emulator.ledger()
        assert outputs == [f"{emulator.url}/outputs/{booked['id']}/0.mp4"]
        assert run.xcoms["prediction_id"] == booked["id"]
        assert printed().count("keeps no task state") == 1

    def test_what_cannot_be_retried_is_not_retried_either(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", drop="after")
        with pytest.raises(AirflowFailException, match="may have been started and charged"):
            Run(store=None).try_once(text_to_video())

    def test_advice_is_true_where_a_retry_knows_nothing(self, emulator: Emulator, deferrable: bool) -> None:
        emulator.settings(seconds_running=60)
        with pytest.raises(WaitTimeoutError, match="a retry submits, and pays for, a new generation"):
            Run(store=None).try_once(text_to_video(deferrable=deferrable, timeout=0.1, poll_interval=0.05))

    def test_what_was_not_accepted_is_not_said_to_be_paid_for_again(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", status=429, retry_after=0, times=None)
        with pytest.raises(RateLimitError) as caught:
            Run(store=None).try_once(text_to_video())
        assert "Nothing was charged" in str(caught.value)
        assert "No record" not in str(caught.value)

    def test_who_wants_no_record_is_not_warned(self, emulator: Emulator, printed: Callable[[], str]) -> None:
        Run(store=None).try_once(text_to_video(durable=False))
        assert "keeps no task state" not in printed()


class TestWait:
    @pytest.mark.parametrize("timeout", [100, timedelta(seconds=100)])
    def test_the_deferral_outlasts_the_deadline(self, emulator: Emulator, timeout: Any) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=True, timeout=timeout))
        [deferred] = run.deferrals
        assert timedelta(seconds=100) < deferred.timeout < timedelta(seconds=1000)

    def test_a_shorter_execution_timeout_wins(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=True, execution_timeout=timedelta(seconds=50)))
        _, arguments = run.deferrals[0].trigger.serialize()
        assert arguments["deadline"] - arguments["submitted_at"] == pytest.approx(50)

    def test_a_deferral_of_a_finished_prediction_is_not_needed(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        Run().try_once(text_to_video(prediction_id=prediction_id, deferrable=False))
        run = Run()
        run.try_once(text_to_video(prediction_id=prediction_id, deferrable=True))
        assert run.deferrals == []

    def test_failed_polls_are_tolerated(self, emulator: Emulator, deferrable: bool) -> None:
        emulator.fault(endpoint="result", status=503, times=3)
        emulator.fault(endpoint="result", drop="before")
        assert Run().try_once(text_to_video(deferrable=deferrable))
        assert len(emulator.ledger()) == 1

    def test_a_flagged_output_passes_with_a_warning(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        assert Run().try_once(text_to_video(deferrable=deferrable, prompt="[nsfw]"))
        assert "flagged as not safe for work" in printed()

    def test_a_flagged_output_fails_where_the_author_says_so(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        with pytest.raises(AirflowFailException, match="flagged as not safe for work") as raised:
            run.try_once(text_to_video(deferrable=deferrable, prompt="[nsfw]", fail_on_nsfw=True))
        assert isinstance(raised.value.__context__, NsfwContentError)
        assert run.xcoms["prediction"]["has_nsfw_contents"] == [True]

    @pytest.mark.parametrize("event", [None, {}, {"status": "success"}, {"wait": {}}, "succeeded"])
    def test_an_unknown_event_is_no_success(self, emulator: Emulator, event: Any) -> None:
        with pytest.raises(ValueError, match="Not an event of SeedancePredictionTrigger"):
            text_to_video().execute_complete(Run().context(), event)

    def test_resuming_twice_gives_the_same(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(deferrable=True)
        outputs = run.try_once(operator)
        assert operator.execute_complete(run.context(), run.events[0]) == outputs

    def test_a_killed_wait_says_that_the_generation_goes_on(
        self, emulator: Emulator, printed: Callable[[], str]
    ) -> None:
        run = Run()
        with pytest.raises(GenerationFailedError):
            run.try_once(text_to_video(prompt="[fail]"))
        printed()
        run.operator.on_kill()
        assert f"Prediction {emulator.ledger()[0]['id']} goes on at GPTProto and is billed" in printed()

    def test_a_kill_before_the_submission_says_nothing(self, printed: Callable[[], str]) -> None:
        text_to_video().on_kill()
        assert printed() == ""

    def test_a_kill_after_the_delivery_says_nothing(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=deferrable))
        printed()
        run.operator.on_kill()
        assert printed() == ""


class TestAirflowHabits:
    def test_default_args_and_mapping(self) -> None:
        arguments = {"seedance_conn_id": "other", "resolution": "480p"}
        with DAG("mapped", schedule=None, default_args=arguments):
            one = text_to_video(task_id="one")
            SeedanceTextToVideoOperator.partial(task_id="many", duration=4).expand(prompt=["a", "b"])
        assert (one.seedance_conn_id, one.resolution) == ("other", "480p")

    def test_warnings_of_the_request_are_logged(self, emulator: Emulator, printed: Callable[[], str]) -> None:
        Run().try_once(text_to_video(seed=5))
        assert "seed is documented for every model but not honoured by Seedance 2.0 fast" in printed()
