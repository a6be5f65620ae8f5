"""Fuzz test of responses: both clients succeed or raise SeedanceError, and the API key never leaks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import SeedanceError
from tests.unit.gptproto.anything import JSON
from tests.unit.gptproto.conftest import (
    CLIENT_KINDS,
    KEY,
    CannedAnswer,
    ClientKind,
    Exchange,
    Reply,
    answer,
)

#: The key in plain, with JSON escapes, and inside other text.
ECHOES = st.sampled_from([KEY, KEY.replace("/", "\\/"), f"Bearer {KEY}", f"\0{KEY}\n", f"{KEY * 2}!"])
FIELDS = ["id", "status", "outputs", "urls", "error", "timings", "model", "created_at", "createdAt", "executionTime"]
ENVELOPES = st.builds(
    lambda data, rest: json.dumps({**rest, "data": data}),
    st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON | ECHOES)) | st.lists(JSON, max_size=2),
    st.fixed_dictionaries(
        {},
        optional={
            "code": JSON | st.sampled_from([429, 500, "503"]),
            "error": JSON | ECHOES | st.fixed_dictionaries({"message": JSON | ECHOES, "code": JSON | ECHOES}),
            "message": JSON | ECHOES,
        },
    ),
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(json.dumps),
    ECHOES,
    ENVELOPES,
    # A truncated response, and one with escaped slashes.
    st.builds(lambda text, end: text[:end], ENVELOPES, st.integers(0, 200)),
    st.builds(lambda text, end: text.replace("/", "\\/")[:end], ENVELOPES, st.integers(0, 200) | st.none()),
    st.sampled_from(["{1: 2}", '{"data": {"id": 1e999}}', "NaN", "-Infinity", "9" * 5_000, '"\\ud800"', "\ufeff{}"]),
    st.sampled_from(["[" * 2_000, '{"data":' * 2_000]),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Retry-After", b"Retry-After-Ms", b"Content-Type", b"Content-Encoding", b"Location", b"Set-Cookie"]
        ),
        st.binary(max_size=30)
        | st.sampled_from(
            [
                *(b"gzip", b"br", b"zstd", b"text/html; charset=hex", b"//[", KEY.encode()),
                *(b"9e9", b"1e400", b"nan", b"-1", b"9" * 5_000),
                *(b"Wed, 21 Oct 9999999999999 07:28:00 GMT", b"Wed, 21 Oct 2026 07:28:00 -9999"),
            ]
        ),
    ),
    max_size=3,
)
RESPONSES = st.builds(
    lambda status, body, headers: CannedAnswer(
        status, body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body, tuple(headers)
    ),
    st.sampled_from([101, 200, 201, 204, 300, 302, 307, 400, 401, 403, 404, 408, 418, 429, 500, 503, 599])
    | st.integers(100, 999),
    BODIES,
    HEADERS,
)
#: Every transport error, which leaves a request without a response.
TRANSPORT_ERRORS = st.builds(
    lambda kind, message: kind(message),
    st.sampled_from(
        [
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.ReadTimeout,
            httpx.WriteError,
            httpx.PoolTimeout,
            httpx.ProxyError,
            httpx.RemoteProtocolError,
            httpx.LocalProtocolError,
            httpx.UnsupportedProtocol,
            httpx.DecodingError,
            httpx.TooManyRedirects,
        ]
    ),
    st.text() | ECHOES | st.just(repr(f"Illegal header value {KEY!r}".encode())),
)


@dataclass
class LogLines:
    """A log that collects its lines."""

    lines: list[str] = field(default_factory=list)

    def info(self, message: str, /, *values: Any) -> None:
        self.lines.append(message % values)

    warning = info


def outcome(call: Callable[[], Any]) -> tuple[Any, SeedanceError | None]:
    """Return the result of a call or its SeedanceError; check that a log and a database can store the error."""
    result, error = None, None
    try:
        result = call()
    except SeedanceError as caught:
        error = caught
    assert_no_key(result)
    for cause in (error,) if error else ():
        assert_no_key(cause, vars(cause) if isinstance(cause, SeedanceError) else None)
    assert error is None or str(error).isprintable()
    json.dumps(error.to_dict() if error else None, ensure_ascii=False, allow_nan=False).encode()
    return result, error


def assert_no_key(*values: object) -> None:
    text = " ".join(f"{value} {value!r}" for value in values).replace("\\", "")
    assert KEY not in text


#: An id that was paid for, under every name of real responses, and anything around it.
PAID_ID = "task_7f3a"
ID_NAMES = ["id", "task_id", "taskId", "result_id", "request_id", "prediction_id"]
WRAPPERS = ["data", "error", "errors", "message", "detail", "output", "result", "ResponseMetadata", "input", "x"]
BESIDE = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([123, "other_1", None, ""]),
        "status": st.sampled_from(["queued", "FAILURE", "succeeded", 7]),
        "code": st.sampled_from([0, 200, "success", 201, 400, 429, "429", 500, "503", None]),
        "success": st.booleans(),
        "message": st.sampled_from(["success", "insufficient balance", "no available channel", "敏感", "x" * 600, {}]),
        "error": st.sampled_from(["", None, "upstream", ["InvalidParameter"], {"code": "429"}]),
        "outputs": st.lists(st.just("https://cdn.example/0.mp4"), max_size=2),
        "extra": JSON,
    },
)


def wrap(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Put a value into an object, a list, or JSON text."""
    objects = st.builds(lambda beside, name, value: {**beside, name: value}, BESIDE, st.sampled_from(WRAPPERS), inner)
    return objects | inner.map(lambda value: [value]) | objects.map(json.dumps)


BODIES_WITH_PAID_ID = st.recursive(
    st.builds(lambda beside, name: {**beside, name: PAID_ID}, BESIDE, st.sampled_from(ID_NAMES)), wrap, max_leaves=4
)


class TestAnyBodyWithAnId:
    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(
        body=BODIES_WITH_PAID_ID, status=st.sampled_from([200, 201, 302, 400, 403, 408, 422, 424, 429, 499, 500, 503])
    )
    def test_submission_names_the_id_and_is_repeated_only_after_a_429(
        self, kind: ClientKind, body: Any, status: int
    ) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(answer(body, status))
        prediction, error = outcome(exchange.submit)
        assert len(exchange.requests) == 1
        if error is None:
            assert 200 <= status < 300
            assert prediction.id
            return
        assert PAID_ID in str(error)
        delay = retry_delay(error, sends=1, elapsed=0.0, source=random.Random(0))  # noqa: S311
        read_body = json.loads(body) if isinstance(body, str) else body
        assert delay is None or status == 429 or (status < 300 and read_body["code"] in (429, "429"))


class TestAnyResponse:
    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(reply=RESPONSES)
    def test_submission_succeeds_or_raises_seedance_error(self, kind: ClientKind, reply: CannedAnswer) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(*[reply] * 1000)
        _, error = outcome(exchange.submit)
        if not (reply.status == 429 or b"429" in reply.content):
            assert len(exchange.requests) == 1
        if error is None:
            assert 200 <= reply.status < 300

    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @pytest.mark.parametrize("method", ["get_confirmed", "poll", "check_key"])
    @given(reply=RESPONSES)
    def test_read_succeeds_or_raises_seedance_error(self, kind: ClientKind, method: str, reply: CannedAnswer) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(*[reply] * 50)
        arguments = [exchange.new_poller(deadline=exchange.now + 100)] if method == "poll" else []
        _, error = outcome(lambda: getattr(exchange, method)(*arguments))
        assert error is None or method == "get_confirmed"

    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(replies=st.lists(RESPONSES | TRANSPORT_ERRORS, min_size=1, max_size=6))
    def test_sequence_of_calls_succeeds_or_raises_seedance_error(self, kind: ClientKind, replies: list[Reply]) -> None:
        log = LogLines()
        exchange = Exchange(kind, log=log)
        exchange.will_answer(*replies, *[replies[-1]] * 1000)
        outcome(exchange.submit)
        outcome(lambda: exchange.wait(exchange.new_poller(deadline=exchange.now + 600)))
        outcome(exchange.get_confirmed)
        outcome(exchange.check_key)
        assert_no_key(*log.lines)
