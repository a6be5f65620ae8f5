"""Whatever the service answers, both clients end well or in an error of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import (
    SeedanceError,
)
from tests.unit.gptproto.conftest import (
    CLIENT_KINDS,
    CannedAnswer,
    ClientKind,
    Exchange,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(json.dumps),
    st.builds(
        lambda data, rest: json.dumps({**rest, "data": data}),
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["id", "status", "outputs", "urls", "error", "timings"], JSON)
        ),
        st.fixed_dictionaries({}, optional={"code": JSON | st.sampled_from([429, 500, "503"]), "error": JSON}),
    ),
    st.sampled_from(["{1: 2}", '{"data": {"id": 1e999}}', "NaN", "-Infinity", "9" * 5_000, '"\\ud800"', "\ufeff{}"]),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Retry-After", b"Retry-After-Ms", b"Content-Type", b"Content-Encoding", b"Location", b"Set-Cookie"]
        ),
        st.binary(max_size=30)
        | st.sampled_from(
            [b"gzip", b"text/html; charset=hex", b"Wed, 21 Oct 9999999999999 07:28:00 GMT", b"//[", b"9e9"]
        ),
    ),
    max_size=3,
)
ANSWERS = st.builds(
    lambda status, body, headers: CannedAnswer(
        status, body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body, tuple(headers)
    ),
    st.sampled_from([101, 200, 201, 204, 300, 302, 307, 400, 401, 403, 404, 408, 418, 429, 500, 503, 599]),
    BODIES,
    HEADERS,
)


class TestAnyAnswer:
    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @settings(deadline=None, max_examples=300)
    @given(reply=ANSWERS)
    def test_a_submission_ends_well_or_in_a_seedance_error(self, kind: ClientKind, reply: CannedAnswer) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(*[reply] * 1000)
        error = self.outcome(exchange.submit)
        if not (reply.status == 429 or b"429" in reply.content):
            assert len(exchange.requests) == 1
        if error is None:
            assert 200 <= reply.status < 300

    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @pytest.mark.parametrize("method", ["get_prediction", "recall", "wait", "check_key"])
    @settings(deadline=None, max_examples=150)
    @given(reply=ANSWERS)
    def test_so_does_a_question(self, kind: ClientKind, method: str, reply: CannedAnswer) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(*[reply] * 50)
        arguments = [exchange.new_wait(deadline=exchange.now + 100)] if method == "wait" else []
        error = self.outcome(lambda: getattr(exchange, method)(*arguments))
        assert error is None or method != "check_key"

    def outcome(self, call: Any) -> SeedanceError | None:
        """Return the error that a call ended with; it must be such that a log and a database can hold it."""
        ended: SeedanceError | None = None
        try:
            call()
        except SeedanceError as error:
            ended = error
        assert ended is None or str(ended).isprintable()
        json.dumps(ended.to_dict() if ended else None, ensure_ascii=False, allow_nan=False).encode()
        return ended
