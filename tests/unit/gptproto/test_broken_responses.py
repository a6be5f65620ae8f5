"""A submission whose response breaks off was perhaps accepted: the id that arrived is not lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.bodies import beginning
from airflow_provider_seedance.gptproto.errors import LostResponseError, UnconfirmedSubmissionError
from airflow_provider_seedance.gptproto.ids import id_in_beginning
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import KEY, ClientKind, Exchange, LoopbackStarter, answer
from tests.unit.gptproto.http.test_time_limit import dripping

pytestmark = pytest.mark.usefixtures("start_loopback")

BODY = b'{"data": {"id": "abc123", "status": "created"}, "code": 200}'
CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
BROKEN = {
    "length too long": b"Content-Length: %d\r\n\r\n%b" % (len(BODY) + 2, BODY),
    "last chunk missing": b"Transfer-Encoding: chunked\r\n\r\n%b" % CHUNK,
    "broken chunk": b"Transfer-Encoding: chunked\r\n\r\n%bnonsense\r\n" % CHUNK,
    "cut after the id": b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY[:30]),
    "cut after the id, without a length": b"\r\n%b" % BODY[:30],
}


def unconfirmed(kind: ClientKind, address: str, timeout: float = 5.0) -> UnconfirmedSubmissionError:
    settings = ClientSettings(api_key=KEY, base_url=f"http://{address}", timeout=timeout)
    with pytest.raises(UnconfirmedSubmissionError) as caught:
        Exchange(kind, settings, in_memory=False).submit()
    return caught.value


class TestSubmission:
    @pytest.mark.parametrize("status", [200, 201, 500, 504])
    @pytest.mark.parametrize("rest", BROKEN.values(), ids=BROKEN.keys())
    def test_broken_response_keeps_its_id(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, rest: bytes, status: int
    ) -> None:
        server = start_loopback(b"HTTP/1.1 %d Any\r\n%b" % (status, rest))
        assert unconfirmed(client_kind, server.address).prediction_id == "abc123"

    def test_connection_that_stays_open_keeps_the_id(self, client_kind: ClientKind) -> None:
        with dripping(b"HTTP/1.1 200 OK\r\n\r\n" + BODY) as address:
            error = unconfirmed(client_kind, address, timeout=0.3)
        assert error.prediction_id == "abc123"
        assert "no complete response in 0.3 s" in error.what

    def test_json_that_is_declared_as_gzip_is_read(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        server = start_loopback(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + BODY)
        settings = ClientSettings(api_key=KEY, base_url=f"http://{server.address}", timeout=5.0)
        assert Exchange(client_kind, settings, in_memory=False).submit().id == "abc123"

    def test_response_without_an_id_is_quoted_without_the_key(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        text = f'{{"message": "accepted by {KEY}", "number": "{"x" * 100} {KEY[:9]}'.encode()
        server = start_loopback(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + text)
        error = unconfirmed(client_kind, server.address)
        assert error.prediction_id is None
        assert 'it begins with 200: {"message": "accepted by ***"' in error.what
        assert KEY[:4] not in str(error)
        assert error.advice == UnconfirmedSubmissionError.default_advice

    def test_refusal_that_breaks_off_is_unconfirmed(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        server = start_loopback(b'HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{"error": {"message": "bad durat')
        error = unconfirmed(client_kind, server.address)
        assert error.prediction_id is None
        assert "bad durat" in error.what

    def test_complete_response_with_a_cut_body_keeps_its_id(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(BODY[:30]))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert caught.value.prediction_id == "abc123"


def test_poll_whose_body_breaks_off_is_a_lost_response(
    client_kind: ClientKind, start_loopback: LoopbackStarter
) -> None:
    server = start_loopback(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + BODY)
    settings = ClientSettings(api_key=KEY, base_url=f"http://{server.address}", timeout=5.0)
    with pytest.raises(LostResponseError) as caught:
        Exchange(client_kind, settings, in_memory=False).get_prediction("abc123")
    assert "it begins with" not in caught.value.what


class TestIdInBeginning:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"data": {"id": "abc"', "abc"),
            ('{"data":{"status":"created","id":"abc","urls":{"ge', "abc"),
            ('{"id": "abc", "sta', "abc"),
            ('{"code": 200, "data": {"taskId": "abc", "n": 1', "abc"),
            ('{"data": {"id": "a\\"b", ', 'a"b'),
            ('{"data": {"id": "abc"}}xxxx', "abc"),
            ('{"data": {"id": 12, "x', "12"),
            ('{"data": [{"id": "abc", "x', "abc"),
            # Not to its end.
            ('{"data": {"id": "ab', None),
            ('{"data": {"id": "ab\\', None),
            ('{"data": {"id": 12', None),
            ('{"data": {"id"', None),
            # The id of the HTTP request.
            ('{"id": "req-1", "data": {"id": "ab', None),
            ('{"id": "req-1", "data": {"model": "seedance", "', None),
            ('{"request_id": "req-1", "da', None),
            # The id of an input.
            ('{"data": {"input": {"video_id": "in-1", ', None),
            ('{"data": {"prompt": "\\"id\\": \\"abc\\"", ', None),
            ("", None),
            ("<html>", None),
            ("}}", None),
            ('{"data": {"id": "abc"]', None),
            ('["id", "abc"', None),
        ],
    )
    def test_id_stands_whole_where_the_prediction_is(self, text: str, expected: str | None) -> None:
        assert id_in_beginning(text) == expected

    @pytest.mark.parametrize("text", ['{"' + "\\" * 50_000, "[" * 50_000, '{"a":' * 50_000, '{"a":"b",' * 50_000])
    def test_hostile_text_has_no_id(self, text: str) -> None:
        assert id_in_beginning(text) is None


def test_beginning_at_any_length_has_only_values_of_the_whole() -> None:
    whole = {"a": [1, {"b": "c,}"}, None], "d": {"e": "\\", "f": {}}, "g": 1.5, "h": "]"}
    text = json.dumps(whole)
    assert beginning(text) == whole

    def is_part(part: Any, of: Any) -> bool:
        if isinstance(part, dict):
            return all(name in of and is_part(value, of[name]) for name, value in part.items())
        if isinstance(part, list):
            return all(is_part(*pair) for pair in zip(part, of, strict=False))
        return bool(part == of)

    for length in range(len(text)):
        assert is_part(beginning(text[:length]), whole), text[:length]
