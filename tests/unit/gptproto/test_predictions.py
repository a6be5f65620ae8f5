"""The prediction parser: all known response formats, and responses without a prediction."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.predictions import (
    Prediction,
    PredictionStatus,
    is_prediction_id,
    read_code,
    read_prediction,
    restore_prediction,
)
from airflow_provider_seedance.gptproto.responses import ErrorDetail
from tests.unit.gptproto.conftest import PREDICTION_ID, envelope
from tests.unit.gptproto.making import spelled

#: The page's "Response Example".
PAGE_EXAMPLE: dict[str, Any] = {
    "data": {
        "id": "abc",
        "model": "model_name",
        "outputs": [],
        "urls": {"get": "https://gptproto.com/api/v3/predictions/abc/result"},
        "status": "created",
        "error": None,
        "executionTime": 0,
        "timings": {"inference": 0},
        "has_nsfw_contents": [],
        "created_at": "2026-01-01 00:00:00",
    },
    "message": "success",
    "code": 200,
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**64])
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "now", "12::30", "P1Y", "2026-01-01 00:00:00", "9" * 5000, "503", "succeeded"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
#: Response bodies with valid keys and arbitrary values.
ENVELOPES: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda data, code, wrap: {"data": [data] if wrap else data, "code": code},
    st.dictionaries(st.sampled_from([*PAGE_EXAMPLE["data"], "createdAt", "hasNsfwContents"]), JSON),
    JSON,
    st.booleans(),
)


def read(**data: Any) -> Prediction:
    prediction = read_prediction(envelope(**data))
    assert prediction is not None
    return prediction


class TestEnvelope:
    def test_page_example_is_read(self) -> None:
        assert read_prediction(PAGE_EXAMPLE) == Prediction(
            id="abc",
            status=PredictionStatus.CREATED,
            reported_status="created",
            model="model_name",
            created_at=pendulum.datetime(2026, 1, 1),
        )

    def test_data_as_a_list_of_one_is_read(self) -> None:
        assert read_prediction({**PAGE_EXAMPLE, "data": [PAGE_EXAMPLE["data"]]}) == read_prediction(PAGE_EXAMPLE)

    def test_camel_case_keys_are_read(self) -> None:
        prediction = read(createdAt="2026-01-01 00:00:00", hasNsfwContents=[True])
        assert prediction.created_at == datetime(2026, 1, 1, tzinfo=UTC)
        assert prediction.has_nsfw_contents == (True,)

    def test_unknown_keys_are_ignored(self) -> None:
        assert read(progress=55, input={"prompt": "A cat"}) == read()

    @pytest.mark.parametrize(
        "body",
        [
            None,
            "",
            "<html>Welcome</html>",
            7,
            [],
            {},
            {"data": None},
            {"data": []},
            {"data": "abc"},
            {"data": {}},
            {"data": {"id": ""}},
            {"data": {"id": None, "status": "created"}},
            {"data": [{"id": "a"}, {"id": "b"}]},
        ],
    )
    def test_body_without_prediction_gives_none(self, body: object) -> None:
        assert read_prediction(body) is None

    @given(ENVELOPES | JSON)
    def test_any_json_gives_a_valid_prediction_or_none(self, body: Any) -> None:
        prediction = read_prediction(body)
        assert prediction is None or is_prediction_id(prediction.id)
        assert isinstance(read_code(body), int)


class TestUnreadSuccess:
    """A success with its video under an unknown name: the error quotes what the response says."""

    def test_list_as_an_object_is_read_in_its_order(self) -> None:
        videos = {str(number): f"https://cdn.example/{number}.mp4" for number in (10, 2, 0)}
        assert read(status="succeeded", outputs=videos).outputs == (videos["0"], videos["2"], videos["10"])

    @pytest.mark.parametrize(
        ("fields", "quoted"),
        [
            ({"clip": "https://cdn.example/v.mp4"}, "clip: https://cdn.example/v.mp4"),
            ({"outputs": [{"key": "v/1.mp4"}]}, "outputs.key: v/1.mp4"),
            ({"output": '{"object_key": "v/1.mp4"}'}, "output.object_key: v/1.mp4"),
            ({"data": {"clipLink": "https://cdn.example/v.mp4"}}, "clip_link: https://cdn.example/v.mp4"),
            ({"content": {"key": "v/1.mp4"}}, "content.key: v/1.mp4"),
            ({"videos": [{"key": "v/1.mp4"}]}, "videos.key: v/1.mp4"),
            ({"clip": "data:video/mp4;base64," + "A" * 900}, "clip: <media>"),
            ({"outputs": [], "progress": 100}, ""),
            ({"prompt": "a cat", "input": {"clip": "in"}, "image": "in", "images": ["in"], "audios": ["in"]}, ""),
            ({"videos": ["in"], "last_image": {"url": "in"}, "result": {"params": {"prompt": "a cat"}}}, ""),
            ({"content": [{"text": "a cat"}, {"type": "video_url", "video_url": {"url": "in"}}]}, ""),
        ],
    )
    def test_unknown_fields_are_quoted_and_those_of_the_request_are_not(
        self, fields: dict[str, Any], quoted: str
    ) -> None:
        prediction = read(status="succeeded", **fields)
        assert (prediction.outputs, prediction.unread) == ((), quoted)

    def test_quote_is_shortened(self) -> None:
        assert len(read(status="succeeded", clip=["word "] * 9000).unread) < 1000

    @pytest.mark.parametrize("status", ["running", "failed"])
    def test_only_a_success_without_outputs_has_a_quote(self, status: str) -> None:
        assert read(status=status, clip="v").unread == ""
        assert read(status="succeeded", clip="v", outputs=["https://cdn.example/v.mp4"]).unread == ""


class TestPredictionId:
    @pytest.mark.parametrize("prediction_id", ["abc", PREDICTION_ID, "sora-2:task_x", "cgt-20260101000000-x7k2p"])
    def test_known_id_forms_are_read(self, prediction_id: str) -> None:
        assert read(id=prediction_id).id == prediction_id

    @pytest.mark.parametrize("length", [1, 256])
    def test_id_of_any_length_up_to_the_limit_is_read(self, length: int) -> None:
        assert read(id="x" * length).id == "x" * length

    def test_whitespace_around_id_is_removed(self) -> None:
        assert read(id=" abc\n").id == "abc"

    @pytest.mark.parametrize(
        "urls",
        [
            {"get": "https://gptproto.com/api/v3/predictions/sora-2%3Atask_x/result"},
            [{"get": "https://gptproto.com/api/v3/predictions/sora-2%3Atask_x/result"}],
            {"get": "https://elsewhere.example/api/v3/predictions/sora-2:task_x/result?region=eu"},
        ],
    )
    def test_id_is_read_from_urls(self, urls: object) -> None:
        body = {"data": {"urls": urls, "status": "created"}, "code": 200}
        prediction = read_prediction(body)
        assert prediction is not None
        assert prediction.id == "sora-2:task_x"

    def test_data_id_takes_precedence_over_urls(self) -> None:
        assert read(id="abc", urls={"get": "https://gptproto.com/api/v3/predictions/xyz/result"}).id == "abc"

    @pytest.mark.parametrize(
        "urls",
        [
            None,
            "https://gptproto.com/api/v3/predictions/abc/result",
            [],
            [None],
            {},
            {"get": None},
            {"get": "https://gptproto.com/"},
            {"get": "https://gptproto.com/api/v3/predictions//result"},
            {"get": "https://gptproto.com/api/v3/predictions/../result"},
        ],
    )
    def test_urls_without_id_give_none(self, urls: object) -> None:
        assert read_prediction({"data": {"urls": urls, "status": "created"}}) is None

    def test_requested_id_overrides_its_form_in_the_response(self) -> None:
        body = {"data": {"id": "task_x", "status": "running"}}
        prediction = read_prediction(body, prediction_id="sora-2:task_x")
        assert prediction is not None
        assert prediction.id == "sora-2:task_x"

    def test_response_about_another_prediction_gives_none(self) -> None:
        assert read_prediction({"data": {"id": "another", "status": "running"}}, prediction_id="task_x") is None

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", ".", "..", "a b", "a\nb", "a\x00", "\ud800", "x" * 257),
            *("https://cdn.example/0.mp4", "HTTPS://cdn.example/a/0.mp4?sig=1.2", '["a"]', "['a']", '{"id":"a"}'),
        ],
        ids=lambda text: spelled(text)[:12],
    )
    def test_invalid_id_is_refused(self, text: str) -> None:
        assert not is_prediction_id(text)
        assert read_prediction({"data": {"id": text, "status": "created"}}) is None


class TestStatus:
    @pytest.mark.parametrize(
        ("spellings", "status"),
        [
            (["created"], PredictionStatus.CREATED),
            (["queued", "pending", "starting"], PredictionStatus.QUEUED),
            (["running", "processing", "in_progress"], PredictionStatus.RUNNING),
            (["succeeded", "completed", "success"], PredictionStatus.SUCCEEDED),
            (["failed", "canceled", "cancelled", "error", "timeout"], PredictionStatus.FAILED),
            (["expired"], PredictionStatus.EXPIRED),
        ],
    )
    def test_every_status_spelling_is_read_in_any_case(self, spellings: list[str], status: PredictionStatus) -> None:
        for spelling in spellings:
            for written in (spelling, spelling.upper(), spelling.title(), f" {spelling} "):
                assert read(status=written).status is status, written

    @pytest.mark.parametrize("status", ["warming_up", "unknown", "", None, 3, ["succeeded"], {"value": "failed"}])
    def test_unknown_status_is_in_progress(self, status: object) -> None:
        prediction = read(status=status)
        assert prediction.status is PredictionStatus.UNKNOWN
        assert not prediction.status.is_final

    def test_missing_status_is_in_progress(self) -> None:
        prediction = read_prediction({"data": {"id": "abc"}})
        assert prediction is not None
        assert not prediction.status.is_final

    def test_final_statuses_are_succeeded_failed_and_expired(self) -> None:
        assert {status for status in PredictionStatus if status.is_final} == {
            PredictionStatus.SUCCEEDED,
            PredictionStatus.FAILED,
            PredictionStatus.EXPIRED,
        }

    def test_reported_status_keeps_the_spelling(self) -> None:
        assert read(status="Warming_Up").reported_status == "Warming_Up"

    def test_reported_status_is_one_short_printable_line(self) -> None:
        reported = read(status="warming\nup\x1b[31m" + "x" * 10_000).reported_status
        assert reported.isprintable()
        assert len(reported) < 1_000


class TestOutputs:
    def test_running_prediction_has_no_outputs(self) -> None:
        prediction = read(status="running", outputs=[])
        assert prediction.outputs == ()
        assert not prediction.is_complete

    def test_outputs_keep_their_order(self) -> None:
        prediction = read(status="succeeded", outputs=["https://cdn.example/1.mp4", "https://cdn.example/0.mp4"])
        assert prediction.outputs == ("https://cdn.example/1.mp4", "https://cdn.example/0.mp4")
        assert prediction.is_complete

    @pytest.mark.parametrize("outputs", [[], None, "", [""], [None, 3, {"url": "x"}], 7, ["https://x.example/\x00"]])
    def test_success_without_outputs_is_not_complete(self, outputs: object) -> None:
        prediction = read(status="succeeded", outputs=outputs)
        assert prediction.status is PredictionStatus.SUCCEEDED
        assert not prediction.is_complete

    def test_running_prediction_with_outputs_is_not_complete(self) -> None:
        assert not read(status="running", outputs=["https://cdn.example/0.mp4"]).is_complete

    def test_single_output_without_a_list_is_read(self) -> None:
        assert read(status="succeeded", outputs="https://cdn.example/0.mp4").outputs == ("https://cdn.example/0.mp4",)


class TestError:
    @pytest.mark.parametrize("error", [None, "", {}])
    def test_empty_error_is_none(self, error: object) -> None:
        assert read(error=error).error is None

    def test_text_error_is_read(self) -> None:
        assert read(error="out of capacity").error == ErrorDetail("out of capacity")

    def test_object_error_is_read(self) -> None:
        error = {"message": "The output was refused", "code": "OutputVideoSensitiveContentDetected"}
        detail = read(status="failed", error=error).error
        assert detail == ErrorDetail("The output was refused", frozenset({"OutputVideoSensitiveContentDetected"}))

    def test_error_of_another_type_is_kept_as_text(self) -> None:
        detail = read(status="failed", error=["out of capacity"]).error
        assert detail is not None
        assert "out of capacity" in detail.message


class TestTimes:
    @pytest.mark.parametrize(
        ("data", "seconds"),
        [
            ({"timings": {"inference": 61_250}}, 61.25),
            ({"executionTime": 61_250}, 61.25),
            ({"executionTime": 1}, 0.001),
            ({"executionTime": 61_250.0}, 61.25),
            ({"executionTime": 70_000, "timings": {"inference": 61_250}}, 61.25),
            ({"executionTime": 61_250, "timings": {"inference": 0}}, 61.25),
            ({"executionTime": 0, "timings": {"inference": 0}}, 0.0),
            ({"executionTime": None, "timings": None}, 0.0),
            ({"executionTime": "61250", "timings": []}, 0.0),
            ({"executionTime": True}, 0.0),
            ({"executionTime": -5}, 0.0),
            ({"executionTime": float("nan")}, 0.0),
            ({"executionTime": float("inf")}, 0.0),
            ({"executionTime": 10**400}, 0.0),
        ],
    )
    def test_inference_seconds_are_read_from_milliseconds(self, data: dict[str, Any], seconds: float) -> None:
        assert read(**data).inference_seconds == seconds

    @pytest.mark.parametrize(
        ("text", "time"),
        [
            ("2026-01-01 00:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
            ("2026-03-04T05:06:07Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
            ("2026-03-04T05:06:07.12345678Z", datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)),
            ("2026-03-04T05:06:07.123456789Z", datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)),
            (
                "2026-03-04T05:06:07.123456789+08:00",
                datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=timezone(timedelta(hours=8))),
            ),
            (1_767_225_600, datetime(2026, 1, 1, tzinfo=UTC)),
            (1_767_225_600_000, datetime(2026, 1, 1, tzinfo=UTC)),
            ("1767225600.5", datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ],
    )
    def test_created_at_is_read_in_every_form(self, text: object, time: datetime) -> None:
        created_at = read(created_at=text).created_at
        assert created_at == time
        assert created_at is not None
        assert created_at.utcoffset() == time.utcoffset()

    @pytest.mark.parametrize("value", [None, "", "yesterday", "now", "12::30", "P1Y", 17, ["2026-01-01"]])
    def test_unreadable_created_at_is_none(self, value: object) -> None:
        assert read(created_at=value).created_at is None


class TestNsfw:
    @pytest.mark.parametrize(
        ("value", "flags"),
        [([], ()), (None, ()), ([False], (False,)), ([True, False], (True, False)), ("", ()), ({}, ())],
    )
    def test_nsfw_flags_are_read_per_output(self, value: object, flags: tuple[bool, ...]) -> None:
        assert read(has_nsfw_contents=value).has_nsfw_contents == flags


class TestReadCode:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"code": 200}, 200),
            ({"code": 500}, 500),
            ({"code": "503"}, 503),
            ({"code": 0}, 200),
            ({"code": "0"}, 200),
            ({"code": 201}, 200),
            ({"code": "202"}, 200),
            ({"code": None}, 200),
            ({"code": True}, 200),
            ({"code": "success"}, 200),
            ({"code": "9" * 5_000}, 200),
            ({}, 200),
            ([], 200),
            ("text", 200),
            (None, 200),
        ],
        ids=lambda value: spelled(value)[:20],
    )
    def test_numeric_code_is_read_and_anything_else_is_200(self, body: object, code: int) -> None:
        assert read_code(body) == code


DELIVERED = "https://cdn.example/other.mp4"


class TestWrapped:
    """A prediction in an object of its own, beside objects that are about something else."""

    NAMES = ("output", "result", "task", "prediction", "response", "job", "generation")
    FAILED: ClassVar = {"status": "failed", "error": "An internal error"}
    SUCCEEDED: ClassVar = {"status": "succeeded", "video_url": DELIVERED}

    @pytest.mark.parametrize(("own", "other"), list(itertools.permutations(NAMES, 2)))
    @pytest.mark.parametrize("other_id", ["another", 777])
    @pytest.mark.parametrize("others", [FAILED, SUCCEEDED], ids=["failed", "succeeded"])
    @pytest.mark.parametrize("status", ["running", None])
    def test_state_and_outputs_are_never_those_of_another_object(
        self, own: str, other: str, other_id: object, others: dict[str, str], status: str | None
    ) -> None:
        mine = {"id": PREDICTION_ID, **({"status": status} if status else {})}
        for beside in ({}, {"code": 500}, {"request_id": "r-1"}):
            body = {**beside, own: mine, other: {"id": other_id, **others}}
            prediction = read_prediction(body, prediction_id=PREDICTION_ID)
            assert prediction is None or not (prediction.is_complete or prediction.has_failed)
            # An output may have an id of its own: a number beside the texts that name predictions.
            is_output = status is None or (other_id == 777 and other in ("output", "result", "response"))
            assert prediction is None or is_output or prediction.outputs == ()

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("others", [FAILED, SUCCEEDED], ids=["failed", "succeeded"])
    def test_only_object_with_another_id_is_not_taken(self, name: str, others: dict[str, str]) -> None:
        for other_id in ("another", 777):
            prediction = read_prediction({name: {"id": other_id, **others}}, prediction_id=PREDICTION_ID)
            assert prediction is None or not (prediction.is_complete or prediction.has_failed)

    @pytest.mark.parametrize("name", ["output", "result", "response"])
    @pytest.mark.parametrize("fields", [{"id": 777}, {"id": 777, "status": "ready"}], ids=str)
    def test_output_may_have_an_id_of_its_own(self, name: str, fields: dict[str, Any]) -> None:
        body = {"task": {"id": PREDICTION_ID, "status": "succeeded"}, name: {**fields, "video_url": DELIVERED}}
        prediction = read_prediction(body, prediction_id=PREDICTION_ID)
        assert prediction is not None
        assert prediction.outputs == (DELIVERED,)

    @pytest.mark.parametrize("status", [None, "", 0, 200, "uploaded"])
    def test_status_of_the_envelope_counts_if_that_of_the_object_says_nothing(self, status: object) -> None:
        body = {"status": "completed", "output": {"id": PREDICTION_ID, "status": status, "url": DELIVERED}}
        prediction = read_prediction(body, prediction_id=PREDICTION_ID)
        assert prediction is not None
        assert (prediction.status, prediction.outputs) == (PredictionStatus.SUCCEEDED, (DELIVERED,))

    @pytest.mark.parametrize("status", [404, 500])
    def test_id_of_the_request_does_not_make_the_object_of_another_id_its_own(self, status: int) -> None:
        other = {"task_id": "other9", "video_url": DELIVERED}
        body = {"code": status, "request_id": PREDICTION_ID, "status": "succeeded", "output": other}
        assert read_prediction(body, prediction_id=PREDICTION_ID) is None

    @pytest.mark.parametrize("name", NAMES)
    def test_own_object_is_read(self, name: str) -> None:
        body = {"request_id": "r-1", name: {"task_id": PREDICTION_ID, **self.SUCCEEDED}}
        prediction = read_prediction(body, prediction_id=PREDICTION_ID)
        assert prediction is not None
        assert prediction.outputs == (DELIVERED,)
        submitted = read_prediction({"request_id": "r-1", name: {"task_id": "new", "task_status": "queued"}})
        assert submitted is not None
        assert (submitted.id, submitted.status) == ("new", PredictionStatus.QUEUED)


class TestRestore:
    """A complete prediction through JSON, as the event of the trigger carries it."""

    COMPLETE = Prediction(
        id="cgt-1",
        status=PredictionStatus.SUCCEEDED,
        reported_status="completed",
        model="doubao-seedance-2-0-fast-260128",
        outputs=("https://cdn.example/0.mp4", "https://cdn.example/1.mp4"),
        has_nsfw_contents=(False, True),
        created_at=pendulum.datetime(2026, 1, 1, 12, 30),
        inference_seconds=61.5,
    )

    def test_complete_prediction_passes_through_json(self) -> None:
        assert restore_prediction(json.loads(json.dumps(self.COMPLETE.to_dict()))) == self.COMPLETE

    def test_prediction_without_details_passes_through_json(self) -> None:
        bare = Prediction(id="a", status=PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert restore_prediction(json.loads(json.dumps(bare.to_dict()))) == bare

    @given(
        st.sampled_from(["7", "sora-2:a", "gptproto://abc", "https://api.example/v1/p/abc.v1", "{8c5b-11}"])
        | st.text(max_size=256).filter(is_prediction_id),
        st.lists(st.text(max_size=50).map("https://cdn.example/{}".format).filter(str.isprintable), min_size=1),
        st.fixed_dictionaries({"model": JSON, "created_at": JSON, "has_nsfw_contents": JSON, "executionTime": JSON}),
    )
    def test_any_complete_prediction_passes_through_json(
        self, prediction_id: str, outputs: list[str], fields: dict[str, Any]
    ) -> None:
        # A worker does not poll for what it cannot restore, so no success may be lost here.
        body = {"data": {**fields, "status": "succeeded", "outputs": outputs}}
        prediction = read_prediction(body, prediction_id=prediction_id)
        assert prediction is not None
        assert restore_prediction(json.loads(json.dumps(prediction.to_dict()))) == prediction

    def test_dict_has_the_documented_keys(self) -> None:
        assert self.COMPLETE.to_dict() == {
            "id": "cgt-1",
            "reported_status": "completed",
            "model": "doubao-seedance-2-0-fast-260128",
            "outputs": ["https://cdn.example/0.mp4", "https://cdn.example/1.mp4"],
            "has_nsfw_contents": [False, True],
            "created_at": "2026-01-01T12:30:00+00:00",
            "inference_seconds": 61.5,
        }

    @pytest.mark.parametrize(
        "stored",
        [
            None,
            [],
            "cgt-1",
            {},
            {"id": "cgt-1"},
            {"id": "cgt-1", "outputs": []},
            {"outputs": ["https://cdn.example/0.mp4"]},
        ],
        ids=repr,
    )
    def test_incomplete_dict_is_none(self, stored: object) -> None:
        assert restore_prediction(stored) is None

    @pytest.mark.parametrize("seconds", [None, "61", [], {}])
    def test_unreadable_duration_is_zero(self, seconds: object) -> None:
        restored = restore_prediction({**self.COMPLETE.to_dict(), "inference_seconds": seconds})
        assert restored == replace(self.COMPLETE, inference_seconds=0.0)
