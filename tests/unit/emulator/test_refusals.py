"""Tests of the validation: invalid requests are refused, every documented value is accepted."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.emulator.media import read_medium
from tests.specification import read_table
from tests.unit.emulator.api_client import FAST, REQUESTS, ApiClient

MODES = ("text-to-video", "image-to-video", "reference-to-video")
MODELS = read_table("models")
RESOLUTIONS = ("480p", "720p", "1080p", "4k", "2k")
PIXEL = base64.b64encode(b"as good as a picture").decode()


def problem(response: httpx.Response) -> str:
    """Return the message of an error with code 400."""
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["code"] == 400
    return str(error["message"])


def mode_of(model: dict[str, str]) -> str:
    return next(mode for mode in MODES if model[mode] == "yes")


def documented_values(row: dict[str, str]) -> list[Any]:
    """Return values that cover the documented range of a parameter."""
    match row:
        case {"parameter": "images", "range": bounds}:
            return [["https://example.com/fox.png"] * int(bounds.split()[-1])]
        case {"parameter": "is_upload_media"}:
            # TestMedia tests true.
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
    def test_missing_or_wrong_key_is_401(self, client: ApiClient, method: str, path: str, sent: str | None) -> None:
        headers = {} if sent is None else {"Authorization": sent}
        response = client.keyless.request(method, path, headers=headers, json={"prompt": "a"})
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "401"
        assert client.emulator.ledger() == []

    @pytest.mark.parametrize("sent", ["sk-emulator", "Bearer sk-emulator", "bearer  sk-emulator"])
    def test_key_is_accepted_alone_and_after_bearer(self, client: ApiClient, sent: str) -> None:
        assert client.http.get("/v1/models", headers={"Authorization": sent}).status_code == 200

    def test_key_is_checked_before_the_parameters(self, client: ApiClient) -> None:
        response = client.http.post(request_path("no-such-model"), headers={"Authorization": "sk-wrong"}, json={})
        assert response.status_code == 401


class TestUrl:
    @pytest.mark.parametrize("vendor", ["bytedance", "doubao"])
    def test_both_vendor_segments_are_accepted(self, client: ApiClient, vendor: str) -> None:
        assert client.submit(vendor=vendor).status_code == 200

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
    def test_unknown_url_is_404(self, client: ApiClient, path: str) -> None:
        response = client.http.post(f"{client.emulator.url}{path}", json={"prompt": "a"})
        assert response.status_code == 404
        assert client.emulator.ledger() == []

    def test_get_on_a_submit_url_is_405(self, client: ApiClient) -> None:
        assert client.http.get(request_path()).status_code == 405

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_prediction_cannot_be_cancelled(self, client: ApiClient, method: str) -> None:
        path = f"/api/v3/predictions/{client.book()}/result"
        assert client.http.request(method, path).status_code in (404, 405)
        assert len(client.emulator.ledger()) == 1

    @pytest.mark.parametrize("prediction_id", ["0" * 32, "sora-2:task_x", "a%2Fb"])
    def test_unknown_prediction_is_404(self, client: ApiClient, prediction_id: str) -> None:
        assert client.get_result(prediction_id).status_code == 404


class TestModel:
    @pytest.mark.parametrize(
        "model", ["seedance-9-0", "doubao-seedance-2-0-slow-260128", "sora-2", FAST.upper(), f"{FAST}%20", f"x{FAST}"]
    )
    def test_unknown_model_is_refused(self, client: ApiClient, model: str) -> None:
        assert "unknown model" in problem(client.submit(model=model))

    @pytest.mark.parametrize("prefix", ["doubao-", "dreamina-", ""])
    @pytest.mark.parametrize("date", ["-260128", ""])
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_documented_model_is_known_under_all_its_names(
        self, client: ApiClient, model: dict[str, str], prefix: str, date: str
    ) -> None:
        assert client.submit(mode_of(model), model=f"{prefix}{model['id']}{date}").status_code == 200

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_model_supports_its_documented_modes(self, client: ApiClient, model: dict[str, str], mode: str) -> None:
        response = client.submit(mode, model=model["id"])
        if model[mode] == "yes":
            assert response.status_code == 200
        else:
            assert mode in problem(response)

    @pytest.mark.parametrize("resolution", RESOLUTIONS)
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_model_supports_its_documented_resolutions(
        self, client: ApiClient, model: dict[str, str], resolution: str
    ) -> None:
        response = client.submit(mode_of(model), model=model["id"], resolution=resolution)
        if resolution in model["resolutions"].split():
            assert response.status_code == 200
        else:
            assert "resolution" in problem(response)

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_model_supports_its_documented_durations(self, client: ApiClient, model: dict[str, str]) -> None:
        shortest, longest = (int(seconds) for seconds in model["duration"].split(" ~ "))
        for allowed in (shortest, longest, str(longest)):
            assert client.submit(mode_of(model), model=model["id"], duration=allowed).status_code == 200
        for refused in (shortest - 1, longest + 1, str(longest + 1)):
            assert "duration" in problem(client.submit(mode_of(model), model=model["id"], duration=refused))

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
    def test_model_supports_sound_only_if_documented(self, client: ApiClient, model: dict[str, str]) -> None:
        with_sound = client.submit(mode_of(model), model=model["id"], generate_audio=True)
        if model["generate_audio"] == "yes":
            assert with_sound.status_code == 200
        else:
            assert "generate_audio" in problem(with_sound)
        assert client.submit(mode_of(model), model=model["id"], generate_audio=False).status_code == 200

    @pytest.mark.parametrize(
        "model", [each for each in MODELS if each["image-to-video"] == "yes"], ids=lambda model: model["model"]
    )
    def test_model_supports_last_image_only_if_documented(self, client: ApiClient, model: dict[str, str]) -> None:
        response = client.submit("image-to-video", model=model["id"], last_image="https://example.com/end.png")
        if model["last_image"] == "yes":
            assert response.status_code == 200
        else:
            assert "last_image" in problem(response)


class TestParameters:
    @pytest.mark.parametrize("row", read_table("parameters"), ids=lambda row: f"{row['mode']} {row['parameter']}")
    def test_parameter_accepts_its_documented_range(self, client: ApiClient, row: dict[str, str]) -> None:
        for value in documented_values(row):
            response = client.submit(row["mode"], model="doubao-seedance-2-0-260128", **{row["parameter"]: value})
            assert response.status_code == 200, response.text

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
    def test_value_out_of_range_is_refused_by_name(self, client: ApiClient, name: str, value: Any) -> None:
        assert problem(client.submit(**{name: value})).startswith(f"{name}:")
        assert client.emulator.ledger() == []

    @pytest.mark.parametrize("mode", MODES)
    def test_request_without_a_prompt_is_refused(self, client: ApiClient, mode: str) -> None:
        payload = {name: value for name, value in REQUESTS[mode].items() if name != "prompt"}
        assert "prompt: required" in problem(client.post(payload, mode))

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
    def test_parameter_of_another_mode_is_refused(self, client: ApiClient, mode: str, name: str) -> None:
        assert f'"{name}"' in problem(client.submit(mode, **{name: "https://example.com/a.png"}))

    def test_refusal_lists_all_problems_in_one_message(self, client: ApiClient) -> None:
        message = problem(
            client.submit(prompt="", duration=99, resolution="1080p", seed=-2, aspect_ratio="2:1", fps=30)
        )
        for name in ("prompt", "duration", "resolution", "seed", "aspect_ratio", "fps"):
            assert name in message

    def test_refusal_contains_the_allowed_values(self, client: ApiClient) -> None:
        message = problem(client.submit(duration=99, resolution="1080p", aspect_ratio="2:1"))
        assert "from 4 to 15" in message
        assert "480p, 720p" in message
        assert "21:9, 16:9, 4:3, 1:1, 3:4, 9:16" in message


class TestBody:
    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
    def test_content_type_must_be_json(self, client: ApiClient, content_type: str | None) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        response = client.http.post(request_path(), content=b'{"prompt": "a"}', headers=headers)
        assert "Content-Type" in problem(response)

    def test_content_type_can_have_a_charset(self, client: ApiClient) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        assert client.http.post(request_path(), content=b'{"prompt": "a"}', headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"prompt=a", b"\xff\xfe", b'{"prompt": "a", "seed": NaN}', b"[" * 200_000],
        ids=["empty", "open", "form", "no utf-8", "not a number", "too deep"],
    )
    def test_invalid_json_is_refused(self, client: ApiClient, content: bytes) -> None:
        response = client.http.post(request_path(), content=content, headers={"Content-Type": "application/json"})
        assert "not valid JSON" in problem(response)

    @pytest.mark.parametrize("payload", [[], "a", 5, [{"prompt": "a"}]])
    def test_json_without_an_object_is_refused(self, client: ApiClient, payload: Any) -> None:
        assert "object" in problem(client.post(payload))

    def test_body_above_64_mb_is_refused_with_a_response(self, client: ApiClient) -> None:
        megabyte = b" " * 1024 * 1024
        response = client.http.post(
            request_path(), content=(megabyte for _ in range(65)), headers={"Content-Type": "application/json"}
        )
        assert "too large" in problem(response)


class TestMedia:
    @pytest.mark.parametrize(
        "value",
        ["", None, 5, ["https://example.com/a.png"], "fox.png", "/home/fox.png", "ftp://example.com/a.png", "https://"],
    )
    @pytest.mark.parametrize("name", ["image", "last_image"])
    def test_frame_must_be_a_url_or_data(self, client: ApiClient, name: str, value: Any) -> None:
        assert f"{name}:" in problem(client.submit("image-to-video", **{name: value}))

    def test_image_to_video_requires_the_image(self, client: ApiClient) -> None:
        payload = {"prompt": "a", "last_image": "https://example.com/end.png"}
        assert "image: required" in problem(client.post(payload, "image-to-video"))

    @pytest.mark.parametrize("count", [1, 10])
    def test_up_to_ten_reference_images_are_accepted(self, client: ApiClient, count: int) -> None:
        assert client.submit("reference-to-video", images=["https://example.com/a.png"] * count).status_code == 200

    def test_eleventh_reference_image_is_refused(self, client: ApiClient) -> None:
        response = client.submit("reference-to-video", images=["https://example.com/a.png"] * 11)
        assert "images: 11" in problem(response)

    @pytest.mark.parametrize("changes", [{}, {"images": []}, {"images": [], "videos": []}])
    def test_reference_with_audio_only_is_refused(self, client: ApiClient, changes: dict[str, Any]) -> None:
        payload = {"prompt": "a", "audios": ["https://example.com/a.mp3"], **changes}
        assert "at least one" in problem(client.post(payload, "reference-to-video"))

    @pytest.mark.parametrize(
        ("model", "name", "most"),
        [(FAST, "videos", 3), (FAST, "audios", 3), ("seedance-2-5", "videos", 10), ("seedance-2-5", "audios", 10)],
    )
    def test_number_of_clips_and_sounds_is_limited(self, client: ApiClient, model: str, name: str, most: int) -> None:
        media: Any = ["https://example.com/a"] * most

        assert client.submit("reference-to-video", model=model, **{name: media}).status_code == 200
        media.append(media[0])
        response = client.submit("reference-to-video", model=model, **{name: media})
        assert f"{name}: {most + 1} items" in problem(response)

    def test_number_of_all_references_is_limited(self, client: ApiClient) -> None:
        address = "https://example.com/a"
        media: dict[str, Any] = {"images": [address] * 9, "videos": [address] * 2, "audios": [address]}

        assert client.submit("reference-to-video", **media).status_code == 200
        response = client.submit("reference-to-video", **{**media, "audios": [address] * 2})
        assert problem(response).startswith("images, videos, audios: 13 items; at most 12")

    @pytest.mark.parametrize("ratio", ["16:9", "adaptive"])
    def test_image_of_2_5_decides_the_ratio(self, client: ApiClient, ratio: str) -> None:
        response = client.submit("image-to-video", model="seedance-2-5", aspect_ratio=ratio)

        assert "aspect_ratio:" in problem(response)
        assert "TaskTypeConstraint" in response.text
        assert client.submit("image-to-video", model="seedance-2-5").status_code == 200
        assert client.submit("text-to-video", model="seedance-2-5", aspect_ratio="16:9").status_code == 200

    def test_asset_id_is_refused(self, client: ApiClient) -> None:
        assert "image:" in problem(client.submit("image-to-video", image="asset://asset-1"))

    def test_reference_with_video_only_is_accepted(self, client: ApiClient) -> None:
        payload = {"prompt": "a", "videos": ["https://example.com/a.mp4"]}
        assert client.post(payload, "reference-to-video").status_code == 200

    @pytest.mark.parametrize("name", ["images", "videos", "audios"])
    @pytest.mark.parametrize("value", ["https://example.com/a", None, {"0": "https://example.com/a"}])
    def test_references_must_be_lists(self, client: ApiClient, name: str, value: Any) -> None:
        assert f"{name}:" in problem(client.submit("reference-to-video", **{name: value}))

    def test_invalid_reference_is_named_with_its_index(self, client: ApiClient) -> None:
        response = client.submit("reference-to-video", images=["https://example.com/a.png", "b.png"])
        assert "images[1]:" in problem(response)

    @pytest.mark.parametrize("content", [f"data:image/png;base64,{PIXEL}", PIXEL], ids=["data URI", "base64"])
    def test_uploads_require_is_upload_media(self, client: ApiClient, content: str) -> None:
        assert "is_upload_media" in problem(client.submit("image-to-video", image=content))
        assert client.submit("image-to-video", image=content, is_upload_media=True).status_code == 200

    @pytest.mark.parametrize("mode", ["image-to-video", "reference-to-video"])
    def test_urls_must_not_set_is_upload_media(self, client: ApiClient, mode: str) -> None:
        assert "is_upload_media" in problem(client.submit(mode, is_upload_media=True))

    @pytest.mark.parametrize("content", ["data:image/png;base64,", "data:image/png;base64,%%%", "data:image/png,abcd"])
    def test_upload_must_be_valid_base64(self, client: ApiClient, content: str) -> None:
        assert "image:" in problem(client.submit("image-to-video", image=content, is_upload_media=True))

    def test_image_refuses_a_video_data_uri(self, client: ApiClient) -> None:
        response = client.submit("image-to-video", image=f"data:video/mp4;base64,{PIXEL}", is_upload_media=True)
        assert "video data; allowed: image data" in problem(response)

    @pytest.mark.parametrize(("excess", "accepted"), [(0, True), (1, False)])
    def test_image_has_at_most_30_mb(self, excess: int, accepted: bool) -> None:
        content = base64.b64encode(bytes(30 * 1024 * 1024 + excess)).decode()
        assert isinstance(read_medium("image", content, "image"), str) is not accepted


class TestContentPolicy:
    """The HTTP status is 400; the body contains 503 in one of two fields."""

    def test_policy_refusal_has_503_in_the_code(self, client: ApiClient) -> None:
        response = client.submit(prompt="A fox [policy]")
        assert response.status_code == 400
        assert response.json()["code"] == 503

    def test_policy_refusal_has_503_in_the_type_of_the_error(self, client: ApiClient) -> None:
        response = client.submit(prompt="A fox [policy-type]")
        assert response.status_code == 400
        assert response.json()["error"]["type"] == "503"

    @pytest.mark.parametrize("marker", ["[policy]", "[policy-type]", "[POLICY]"])
    def test_policy_refusal_is_not_booked(self, client: ApiClient, marker: str) -> None:
        assert "policy" in client.submit(prompt=f"A fox {marker}").text.lower()
        assert client.emulator.ledger() == []


class TestErrorCodes:
    """Every documented code, by default in the format ``{"error": {"message", "type"}}``."""

    @pytest.mark.parametrize(
        "row",
        [row for row in read_table("error_codes") if row["code"] == row["http_status"]],
        ids=lambda row: row["code"],
    )
    def test_documented_error_can_be_injected(self, client: ApiClient, row: dict[str, str]) -> None:
        client.emulator.fault(endpoint="submit", status=int(row["code"]))
        response = client.submit()
        assert response.status_code == int(row["http_status"])
        assert response.json()["error"]["type"] == row["code"]
        assert response.json()["error"]["message"].lower() == row["name"].lower()

    def test_insufficient_balance_can_be_injected(self, client: ApiClient) -> None:
        body = {"error": {"message": "insufficient balance", "type": "403"}}
        client.emulator.fault(endpoint="submit", status=403, body=body)
        response = client.submit()
        assert (response.status_code, json.loads(response.text)) == (403, body)
        assert client.emulator.ledger() == []
