"""
Fuzz test of request arguments: both clients refuse them with reasons, or send a payload that the service accepts.

The emulator decides what is valid. Its rules were written from GPTProto's page, independently of the client.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from airflow_provider_seedance.emulator.rules import (
    PARAMETERS,
    Refusal,
    check_submission,
    check_target,
    read_payload,
)
from airflow_provider_seedance.gptproto.catalogue import Mode
from airflow_provider_seedance.gptproto.errors import InvalidRequestError, SeedanceError
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from tests.specification import read_table
from tests.unit.gptproto.anything import ANYTHING, mostly
from tests.unit.gptproto.conftest import CLIENT_KINDS, ClientKind, Exchange, answer
from tests.unit.gptproto.making import AUDIO, CLASSES, IMAGE, MP4, OTHER_IMAGE, PNG, PROMPT, UNKNOWN_MODEL, VIDEO

MODES = st.sampled_from(list(CLASSES))
CATALOGUED = [
    f"{prefix}{row['id']}{date}"
    for row in read_table("models")
    for prefix in ("", "doubao-", "dreamina-")
    for date in ("", "-260128")
]
SHORT_BASE64 = "aGVsbG8="
#: Edge cases of media values, valid and invalid.
ODD = [
    "",
    "boat.png",
    SHORT_BASE64,
    MP4,
    "HTTPS://EXAMPLE.COM/boat.png",
    " https://example.com/boat.png",
    "ftp://example.com/boat.png",
    "asset://asset-1",
    "https://example.com:port/boat.png",
    "https:///boat.png",
    "https://[",
    "DATA:IMAGE/PNG;BASE64," + SHORT_BASE64,
    "data:image/png;charset=utf-8;base64," + SHORT_BASE64,
    "data:image/png;base64,",
    "data:image/png;base64,@@",
    "data:image/png;base64,aGVsbG8",
    "data:image/png," + SHORT_BASE64,
    "data:,",
    "A" * 600,
]
#: For each parameter: values that the page allows for some model, and for numbers also the neighbours.
NEAR: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.just(PROMPT) | st.text("a \t\n", max_size=3),
    "model": st.sampled_from(CATALOGUED),
    "aspect_ratio": st.none()
    | st.sampled_from(["21:9", "16:9", "4:3", "1:1", "3:4", "9:16", "9:21", "16x9", "adaptive"]),
    "duration": st.none()
    | st.integers(-1, 31)
    | st.integers(1, 31).map(str)
    | st.sampled_from([5.0, 5.5, "5.0", "5.5", "5s", ""]),
    "resolution": st.none() | st.sampled_from(["480p", "720p", "1080p", "720", "4k", "2k"]),
    "generate_audio": st.sampled_from([None, True, False, "true", "FALSE", "yes", 1]),
    "camera_fixed": st.sampled_from([None, True, False, "true", "False", "no", 0]),
    "seed": st.none() | st.integers(-2, 2) | st.integers(2147483646, 2147483649) | st.sampled_from(["7", 7.0, 7.5]),
    "extra_parameters": st.sampled_from([None, {}]),
    "image": st.sampled_from([None, IMAGE, PNG, *ODD]),
    "last_image": st.sampled_from([None, OTHER_IMAGE, PNG, *ODD]),
    "images": st.lists(st.sampled_from([IMAGE, PNG]), max_size=12) | st.sampled_from([None, IMAGE, *ODD]),
    "videos": st.none() | st.lists(st.sampled_from([VIDEO, MP4, PNG]), max_size=5),
    "audios": st.none() | st.lists(st.just(AUDIO), max_size=5),
    "is_upload_media": st.sampled_from([None, True, False, "true", "maybe"]),
}
#: The same without the neighbours, so that most requests are valid.
GOOD = {
    **NEAR,
    "prompt": st.just(PROMPT) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    "aspect_ratio": st.sampled_from([None, "16:9", "9:16"]),
    "duration": st.sampled_from([None, 5, "5", 12.0]),
    "resolution": st.sampled_from([None, "480p", "720p"]),
    "generate_audio": st.sampled_from([None, False]),
    "seed": st.none() | st.integers(-1, 2147483647),
    "extra_parameters": st.none() | st.dictionaries(st.text(), st.none() | st.floats(allow_nan=False) | st.text()),
    "image": st.sampled_from([IMAGE, PNG]),
    "last_image": st.none(),
    "is_upload_media": st.none(),
}


def requests(mode: str, arguments: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[GenerationRequest]:
    cls = CLASSES[mode]
    return st.builds(cls, **{field.name: arguments[field.name] for field in dataclasses.fields(cls)})


DOCUMENTED = {row["parameter"] for row in read_table("parameters")}
NEARLY_RIGHT = MODES.flatmap(
    lambda mode: requests(
        mode, {name: mostly(GOOD[name], NEAR[name]) if name in DOCUMENTED else NEAR[name] for name in NEAR}
    )
)
ANY_ARGUMENTS = MODES.flatmap(
    lambda mode: requests(
        mode,
        {
            **{name: mostly(GOOD[name], ANYTHING) for name in GOOD},
            "model": mostly(GOOD["model"], st.just(UNKNOWN_MODEL) | ANYTHING),
            "extra_parameters": mostly(GOOD["extra_parameters"], st.dictionaries(st.text(), ANYTHING) | ANYTHING),
        },
    )
)


def emulator_refusal(vendor: str, model: str, mode: str, body: bytes) -> Refusal | None:
    """Return the emulator's refusal of a submission, or ``None``; parameters unknown to the emulator are ignored."""
    target = check_target(vendor, model, mode)
    if isinstance(target, Refusal):
        return target
    payload = read_payload("application/json", body)
    if isinstance(payload, Refusal):
        return payload
    known = {name: value for name, value in payload.items() if name in PARAMETERS[Mode(mode)]}
    verdict = check_submission(target, known)
    return verdict if isinstance(verdict, Refusal) else None


class TestAnyArguments:
    @given(request=NEARLY_RIGHT)
    def test_emulator_refuses_what_the_client_refuses_and_else_only_what_it_warns_of(
        self, request: GenerationRequest
    ) -> None:
        # The service takes any text. The client refuses what templates and tables make of a missing prompt.
        assume(str(request.prompt).strip() not in ("None", "null", "nan", "NaN", "<NA>") or request.prompt is None)
        problems = list(request.problems())
        warnings = () if problems else request.check().warnings
        body = json.dumps(request.payload()).encode()

        refusal = emulator_refusal("bytedance", request.model, request.mode, body)

        event("refused" if problems else "warned" if warnings else "accepted")
        if problems:
            assert refusal, problems
        if refusal:
            assert problems or warnings, refusal

    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(request=ANY_ARGUMENTS)
    def test_invalid_request_is_never_submitted(self, kind: ClientKind, request: GenerationRequest) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(answer())
        error: SeedanceError | None = None
        try:
            exchange.submit(request)
        except SeedanceError as caught:
            error = caught

        event("refused" if error else "sent")
        if error is not None:
            assert isinstance(error, InvalidRequestError)
            assert re.findall(r"^  - .* is not allowed; allowed: ", str(error), flags=re.MULTILINE)
            assert exchange.requests == []
            return
        (sent,) = exchange.requests
        assert_valid_submission(request, sent)


def assert_valid_submission(request: GenerationRequest, sent: httpx.Request) -> None:
    empty, api, version, vendor, model, mode = sent.url.raw_path.decode().split("/")
    assert (empty, api, version, model, mode) == ("", "api", "v3", request.model, request.mode.value)
    assert json.loads(sent.content) == request.payload()
    assert len(request.check().fingerprint("seedance_default")) == 64
    json.dumps(request.description(), allow_nan=False).encode()
    if request.model in CATALOGUED and not request.check().warnings:
        assert emulator_refusal(vendor, model, mode, sent.content) is None
