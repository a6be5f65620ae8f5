"""What the emulator refuses, with which code, and that it takes everything the documentation allows."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.emulator.media import read_medium
from tests.specification import read_table
from tests.unit.emulator.customer import FAST, REQUESTS, Customer

MODES = ("text-to-video", "image-to-video", "reference-to-video")
MODELS = read_table("models")
RESOLUTIONS = ("480p", "720p", "1080p")
PIXEL = base64.b64encode(b"as good as a picture").decode()


def problem(answer: httpx.Response) -> str:
    """Return the message of a refusal with code 400."""
    assert answer.status_code == 400, answer.text
    refused = answer.json()["error"]
    assert refused["code"] == 400
    return str(refused["message"])


def mode_of(model: dict[str, str]) -> str:
    return next(mode for mode in MODES if model[mode] == "yes")


def documented_values(row: dict[str, str]) -> list[Any]:
    """Return values that cover a parameter's range."""
    match row:
        case {"parameter": "images", "range": bounds}:
            return [["https://example.com/fox.png"] * int(bounds.split()[-1])]
        case {"parameter": "is_upload_media"}:
            # What it declares when true is tested with the media.
            return [False]
        case {"type": "array of string"}:
            return [["https://example.com/a", "https://example.com/b"]]
        case {"type": "boolean"}:
            return [False, True]
        case {"range": "-"}:
            return ["https://example.com/a"]
        case {"range": bounds} if " ~ " in bounds:
            return [int(bound) for bound in bounds.split(" ~ ")]
        case _:
            return row["range"].split()


def request_path(model: str = FAST, mode: str = "text-to-video") -> str:
    return f"/api/v3/bytedance/{model}/{mode}"


class TestKey:
    @pytest.mark.parametrize("sent", [None, "", "sk-wrong", "Bearer sk-wrong", "sk-emulator2", "Basic sk-emulator"])
    @pytest.mark.parametrize(
        ("method", "path"), [("POST", request_path()), ("GET", "/api/v3/predictions/x/result"), ("GET", "/v1/models")]
    )
    def test_without_a_good_one_all_is_401(self, customer: Customer, method: str, path: str, sent: str | None) -> None:
        headers = {} if sent is None else {"Authorization": sent}
        answer = customer.keyless.request(method, path, headers=headers, json={"prompt": "a"})
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "401"
        assert customer.emulator.ledger() == []

    @pytest.mark.parametrize("sent", ["sk-emulator", "Bearer sk-emulator", "bearer  sk-emulator"])
    def test_is_taken_raw_and_after_bearer(self, customer: Customer, sent: str) -> None:
        assert customer.http.get("/v1/models", headers={"Authorization": sent}).status_code == 200

    def test_comes_before_the_parameters(self, customer: Customer) -> None:
        answer = customer.http.post(request_path("no-such-model"), headers={"Authorization": "sk-wrong"}, json={})
        assert answer.status_code == 401


class TestAddress:
    @pytest.mark.parametrize("vendor", ["bytedance", "doubao"])
    def test_both_vendor_segments_are_taken(self, customer: Customer, vendor: str) -> None:
        assert customer.submit(vendor=vendor).status_code == 200

    @pytest.mark.parametrize(
        "path",
        [
            f"/api/v3/openai/{FAST}/text-to-video",
            f"/api/v3/bytedance/{FAST}/audio-to-video",
            f"/api/v3/bytedance/{FAST}/text_to_video",
            f"/api/v3/bytedance/{FAST}/text-to-video/",
            f"/api/v2/bytedance/{FAST}/text-to-video",
            f"//api/v3/bytedance/{FAST}/text-to-video",
        ],
    )
    def test_any_other_is_not_found(self, customer: Customer, path: str) -> None:
        answer = customer.http.post(f"{customer.emulator.url}{path}", json={"prompt": "a"})
        assert answer.status_code == 404
        assert customer.emulator.ledger() == []

    def test_submitting_with_get_is_not_allowed(self, customer: Customer) -> None:
        assert customer.http.get(request_path()).status_code == 405

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_a_result_cannot_be_cancelled(self, customer: Customer, method: str) -> None:
        path = f"/api/v3/predictions/{customer.book()}/result"
        assert customer.http.request(method, path).status_code in (404, 405)
        assert len(customer.emulator.ledger()) == 1

    @pytest.mark.parametrize("prediction_id", ["0" * 32, "sora-2:task_x", "a%2Fb"])
    def test_an_unknown_prediction_is_not_found(self, customer: Customer, prediction_id: str) -> None:
        assert customer.ask(prediction_id).status_code == 404


class TestModel:
    @pytest.mark.parametrize(
        "model", ["seedance-9-0", "doubao-seedance-2-0-slow-260128", "sora-2", FAST.upper(), f"{FAST}%20", f"x{FAST}"]
    )
    def test_an_unknown_one_is_refused(self, customer: Customer, model: str) -> None:
        assert "unknown model" in problem(customer.submit(model=model))

    @pytest.mark.parametrize("prefix", ["doubao-", "dreamina-", ""])
    @pytest.mark.parametrize("date", ["-260128", ""])
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_every_listed_one_is_known_under_its_names(
        self, customer: Customer, model: dict[str, str], prefix: str, date: str
    ) -> None:
        assert customer.submit(mode_of(model), model=f"{prefix}{model['id']}{date}").status_code == 200

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_offers_the_modes_that_are_listed_for_it(
        self, customer: Customer, model: dict[str, str], mode: str
    ) -> None:
        answer = customer.submit(mode, model=model["id"])
        if model[mode] == "yes":
            assert answer.status_code == 200
        else:
            assert mode in problem(answer)

    @pytest.mark.parametrize("resolution", RESOLUTIONS)
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_offers_the_resolutions_that_are_listed_for_it(
        self, customer: Customer, model: dict[str, str], resolution: str
    ) -> None:
        answer = customer.submit(mode_of(model), model=model["id"], resolution=resolution)
        if resolution in model["resolutions"].split():
            assert answer.status_code == 200
        else:
            assert "resolution" in problem(answer)

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_makes_videos_of_the_lengths_that_are_listed_for_it(
        self, customer: Customer, model: dict[str, str]
    ) -> None:
        shortest, longest = (int(seconds) for seconds in model["duration"].split(" ~ "))
        for allowed in (shortest, longest, str(longest)):
            assert customer.submit(mode_of(model), model=model["id"], duration=allowed).status_code == 200
        for refused in (shortest - 1, longest + 1, str(longest + 1)):
            assert "duration" in problem(customer.submit(mode_of(model), model=model["id"], duration=refused))

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_makes_sound_only_where_that_is_listed(self, customer: Customer, model: dict[str, str]) -> None:
        with_sound = customer.submit(mode_of(model), model=model["id"], generate_audio=True)
        if model["generate_audio"] == "yes":
            assert with_sound.status_code == 200
        else:
            assert "generate_audio" in problem(with_sound)
        assert customer.submit(mode_of(model), model=model["id"], generate_audio=False).status_code == 200

    @pytest.mark.parametrize(
        "model", [each for each in MODELS if each["image-to-video"] == "yes"], ids=lambda model: model["model"]
    )
    def test_takes_a_closing_frame_only_where_that_is_listed(self, customer: Customer, model: dict[str, str]) -> None:
        answer = customer.submit("image-to-video", model=model["id"], last_image="https://example.com/end.png")
        if model["last_image"] == "yes":
            assert answer.status_code == 200
        else:
            assert "last_image" in problem(answer)


class TestParameters:
    @pytest.mark.parametrize("row", read_table("parameters"), ids=lambda row: f"{row['mode']} {row['parameter']}")
    def test_every_value_of_the_documented_ranges_is_taken(self, customer: Customer, row: dict[str, str]) -> None:
        for value in documented_values(row):
            answer = customer.submit(row["mode"], model="doubao-seedance-2-0-260128", **{row["parameter"]: value})
            assert answer.status_code == 200, answer.text

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("prompt", value) for value in ("", "  \n", None, 5, ["a fox"])),
            *(("aspect_ratio", value) for value in ("2:1", "16x9", "", 1.5, None, ["16:9"], "adaptive")),
            *(("resolution", value) for value in ("1080p", "360p", "4k", "720", 720, None)),
            *(
                ("duration", value)
                for value in (3, 16, 0, -1, 5.0, 5.5, "3", "16", "5.5", "5s", "", True, None, "\u0665")
            ),
            *(("generate_audio", value) for value in ("true", 1, 0, None)),
            *(("camera_fixed", value) for value in ("false", 1, None)),
            *(("seed", value) for value in (-2, 2147483648, 1.0, "7", True, None)),
        ],
    )
    def test_a_value_out_of_range_is_refused_by_name(self, customer: Customer, name: str, value: Any) -> None:
        assert problem(customer.submit(**{name: value})).startswith(f"{name}:")
        assert customer.emulator.ledger() == []

    @pytest.mark.parametrize("mode", MODES)
    def test_a_request_without_a_prompt_is_refused(self, customer: Customer, mode: str) -> None:
        payload = {name: value for name, value in REQUESTS[mode].items() if name != "prompt"}
        assert "prompt: required" in problem(customer.post(payload, mode))

    @pytest.mark.parametrize(
        ("mode", "name"),
        [
            ("text-to-video", "image"),
            ("text-to-video", "is_upload_media"),
            ("image-to-video", "images"),
            ("reference-to-video", "image"),
            ("reference-to-video", "last_image"),
            ("text-to-video", "negative_prompt"),
            ("text-to-video", "Prompt"),
        ],
    )
    def test_a_parameter_that_the_mode_does_not_have_is_refused(self, customer: Customer, mode: str, name: str) -> None:
        assert f'"{name}"' in problem(customer.submit(mode, **{name: "https://example.com/a.png"}))

    def test_all_problems_are_told_at_once(self, customer: Customer) -> None:
        message = problem(
            customer.submit(prompt="", duration=99, resolution="1080p", seed=-2, aspect_ratio="2:1", fps=30)
        )
        for name in ("prompt", "duration", "resolution", "seed", "aspect_ratio", "fps"):
            assert name in message

    def test_what_is_allowed_is_told(self, customer: Customer) -> None:
        message = problem(customer.submit(duration=99, resolution="1080p", aspect_ratio="2:1"))
        assert "from 4 to 15" in message
        assert "480p, 720p" in message
        assert "21:9, 16:9, 4:3, 1:1, 3:4, 9:16" in message


class TestBody:
    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
    def test_must_be_declared_as_json(self, customer: Customer, content_type: str | None) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = customer.http.post(request_path(), content=b'{"prompt": "a"}', headers=headers)
        assert "Content-Type" in problem(answer)

    def test_may_name_its_charset(self, customer: Customer) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        assert customer.http.post(request_path(), content=b'{"prompt": "a"}', headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"prompt=a", b"\xff\xfe", b'{"prompt": "a", "seed": NaN}', b"[" * 200_000],
        ids=["empty", "open", "form", "no utf-8", "not a number", "too deep"],
    )
    def test_that_is_no_json_is_refused(self, customer: Customer, content: bytes) -> None:
        answer = customer.http.post(request_path(), content=content, headers={"Content-Type": "application/json"})
        assert "not valid JSON" in problem(answer)

    @pytest.mark.parametrize("payload", [[], "a", 5, [{"prompt": "a"}]])
    def test_that_is_no_object_is_refused(self, customer: Customer, payload: Any) -> None:
        assert "object" in problem(customer.post(payload))

    def test_above_64_mb_is_refused_with_an_answer(self, customer: Customer) -> None:
        megabyte = b" " * 1024 * 1024
        answer = customer.http.post(
            request_path(), content=(megabyte for _ in range(65)), headers={"Content-Type": "application/json"}
        )
        assert "too large" in problem(answer)


class TestMedia:
    @pytest.mark.parametrize(
        "value",
        ["", None, 5, ["https://example.com/a.png"], "fox.png", "/home/fox.png", "ftp://example.com/a.png", "https://"],
    )
    @pytest.mark.parametrize("name", ["image", "last_image"])
    def test_a_frame_must_be_an_address_or_data(self, customer: Customer, name: str, value: Any) -> None:
        assert f"{name}:" in problem(customer.submit("image-to-video", **{name: value}))

    def test_a_video_from_an_image_needs_the_image(self, customer: Customer) -> None:
        payload = {"prompt": "a", "last_image": "https://example.com/end.png"}
        assert "image: required" in problem(customer.post(payload, "image-to-video"))

    @pytest.mark.parametrize("count", [1, 10])
    def test_up_to_ten_reference_images_are_taken(self, customer: Customer, count: int) -> None:
        assert customer.submit("reference-to-video", images=["https://example.com/a.png"] * count).status_code == 200

    def test_an_eleventh_reference_image_is_refused(self, customer: Customer) -> None:
        answer = customer.submit("reference-to-video", images=["https://example.com/a.png"] * 11)
        assert "images: 11" in problem(answer)

    @pytest.mark.parametrize("changes", [{}, {"images": []}, {"images": [], "videos": []}])
    def test_sound_alone_is_no_reference(self, customer: Customer, changes: dict[str, Any]) -> None:
        payload = {"prompt": "a", "audios": ["https://example.com/a.mp3"], **changes}
        assert "at least one" in problem(customer.post(payload, "reference-to-video"))

    def test_a_clip_alone_is_a_reference(self, customer: Customer) -> None:
        payload = {"prompt": "a", "videos": ["https://example.com/a.mp4"]}
        assert customer.post(payload, "reference-to-video").status_code == 200

    @pytest.mark.parametrize("name", ["images", "videos", "audios"])
    @pytest.mark.parametrize("value", ["https://example.com/a", None, {"0": "https://example.com/a"}])
    def test_references_come_in_lists(self, customer: Customer, name: str, value: Any) -> None:
        assert f"{name}:" in problem(customer.submit("reference-to-video", **{name: value}))

    def test_the_bad_one_of_several_references_is_named(self, customer: Customer) -> None:
        answer = customer.submit("reference-to-video", images=["https://example.com/a.png", "b.png"])
        assert "images[1]:" in problem(answer)

    @pytest.mark.parametrize("content", [f"data:image/png;base64,{PIXEL}", PIXEL], ids=["data URI", "base64"])
    def test_uploads_are_declared(self, customer: Customer, content: str) -> None:
        assert "is_upload_media" in problem(customer.submit("image-to-video", image=content))
        assert customer.submit("image-to-video", image=content, is_upload_media=True).status_code == 200

    @pytest.mark.parametrize("mode", ["image-to-video", "reference-to-video"])
    def test_addresses_are_not_declared_as_uploads(self, customer: Customer, mode: str) -> None:
        assert "is_upload_media" in problem(customer.submit(mode, is_upload_media=True))

    @pytest.mark.parametrize("content", ["data:image/png;base64,", "data:image/png;base64,%%%", "data:image/png,abcd"])
    def test_an_upload_must_be_decodable(self, customer: Customer, content: str) -> None:
        assert "image:" in problem(customer.submit("image-to-video", image=content, is_upload_media=True))

    def test_a_clip_is_no_image(self, customer: Customer) -> None:
        answer = customer.submit("image-to-video", image=f"data:video/mp4;base64,{PIXEL}", is_upload_media=True)
        assert "video data where image data is allowed" in problem(answer)

    @pytest.mark.parametrize(("excess", "accepted"), [(0, True), (1, False)])
    def test_an_image_has_at_most_30_mb(self, excess: int, accepted: bool) -> None:
        content = base64.b64encode(bytes(30 * 1024 * 1024 + excess)).decode()
        assert isinstance(read_medium("image", content, "image"), str) is not accepted


class TestContentPolicy:
    """The HTTP status is 400; the 503 stands in the body, in one of two places."""

    def test_is_told_in_the_code(self, customer: Customer) -> None:
        answer = customer.submit(prompt="A fox [policy]")
        assert answer.status_code == 400
        assert answer.json()["code"] == 503

    def test_is_told_in_the_type_of_the_error(self, customer: Customer) -> None:
        answer = customer.submit(prompt="A fox [policy-type]")
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "503"

    @pytest.mark.parametrize("marker", ["[policy]", "[policy-type]", "[POLICY]"])
    def test_such_a_request_is_not_booked(self, customer: Customer, marker: str) -> None:
        assert "policy" in customer.submit(prompt=f"A fox {marker}").text.lower()
        assert customer.emulator.ledger() == []


class TestErrorCodes:
    """Every code of the page, in the shape ``{"error": {"message", "type"}}`` unless it says otherwise."""

    @pytest.mark.parametrize(
        "row",
        [row for row in read_table("error_codes") if row["code"] == row["http_status"]],
        ids=lambda row: row["code"],
    )
    def test_can_be_had(self, customer: Customer, row: dict[str, str]) -> None:
        customer.emulator.fault(endpoint="submit", status=int(row["code"]))
        answer = customer.submit()
        assert answer.status_code == int(row["http_status"])
        assert answer.json()["error"]["type"] == row["code"]
        assert answer.json()["error"]["message"].lower() == row["name"].lower()

    def test_a_balance_too_low_can_be_had(self, customer: Customer) -> None:
        body = {"error": {"message": "insufficient balance", "type": "403"}}
        customer.emulator.fault(endpoint="submit", status=403, body=body)
        answer = customer.submit()
        assert (answer.status_code, json.loads(answer.text)) == (403, body)
        assert customer.emulator.ledger() == []
