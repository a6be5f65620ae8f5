"""The clients over HTTP: errors of httpx, where the key is sent, redirects, settings, and unusual responses."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import re
import ssl
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

import airflow_provider_seedance
from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    ConnectionSettingsError,
    LostResponseError,
    NotConnectedError,
    RedirectError,
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
    UnreadableResponseError,
)
from airflow_provider_seedance.gptproto.http.transport import open_transport, tls_context
from airflow_provider_seedance.gptproto.predictions import PredictionStatus
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import (
    KEY,
    PREDICTION_ID,
    CannedAnswer,
    ClientKind,
    Exchange,
    LoopbackStarter,
    answer,
    envelope,
    succeeded,
)

PACKAGE = Path(airflow_provider_seedance.__file__).parent
BODY = json.dumps(envelope()).encode()
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)

REQUEST_ERRORS = [cls for _, cls in inspect.getmembers(httpx, inspect.isclass) if issubclass(cls, httpx.RequestError)]
#: httpx raises these only while it opens a connection or waits for one.
NEVER_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
}


def on_wire(kind: ClientKind, base_url: str, **values: Any) -> Exchange:
    return Exchange(kind, ClientSettings(api_key=KEY, base_url=base_url, **values), in_memory=False)


class TestFailuresOfHttpx:
    @pytest.mark.parametrize("cls", [cls for cls in REQUEST_ERRORS if cls in NEVER_SENT])
    def test_connection_error_is_not_connected(self, exchange: Exchange, cls: type[httpx.RequestError]) -> None:
        exchange.will_answer(cls("It broke"))
        with pytest.raises(NotConnectedError) as caught:
            exchange.submit()
        what = f"No connection to https://gptproto.example could be made: {cls.__name__} It broke"
        assert caught.value.what == what

    @pytest.mark.parametrize("cls", [cls for cls in REQUEST_ERRORS if cls not in NEVER_SENT])
    def test_other_request_error_is_unconfirmed(self, exchange: Exchange, cls: type[httpx.RequestError]) -> None:
        exchange.will_answer(cls("It broke"))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        lost = f"The response was lost: {cls.__name__} It broke"
        assert caught.value.what == f"It is unknown whether the submission was accepted. {lost}"
        assert len(exchange.requests) == 1


class TestOnTheWire:
    """Failures with real connections, because httpx decides which error is raised."""

    def test_submission_returns_the_prediction(self, client_kind: ClientKind, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(ACCEPTED)
        assert on_wire(client_kind, f"http://{server.address}").submit().id == PREDICTION_ID

    def test_library_logs_do_not_contain_the_key(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server = start_loopback(ACCEPTED)
        on_wire(client_kind, f"http://{server.address}").submit()
        assert KEY.encode() in server.received[0]
        assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
        assert KEY not in caplog.text

    def test_closed_port_is_not_connected(self, client_kind: ClientKind, start_loopback: LoopbackStarter) -> None:
        server = start_loopback()
        server.close()
        exchange = on_wire(client_kind, f"http://{server.address}")
        with pytest.raises(NotConnectedError):
            exchange.submit()
        assert exchange.pauses == []

    def test_failed_tls_is_not_connected(self, client_kind: ClientKind, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(NotConnectedError):
            on_wire(client_kind, f"https://{server.address}").get_prediction()

    def test_plain_http_behind_https_names_the_host_to_enter(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        server = start_loopback(*[b"HTTP/1.1 400 Bad Request\r\n\r\n"] * 2)
        exchange = on_wire(client_kind, f"https://{server.address}")
        hint = f"for a server of plain HTTP set the connection's host to http://{server.address}"
        assert exchange.check_key().message.endswith(hint)
        with pytest.raises(NotConnectedError, match=hint):
            exchange.get_prediction()

    @pytest.mark.parametrize("script", [b"", b"\x15\x03\x03\x00\x02\x02\x28"], ids=["closed", "TLS alert"])
    def test_other_tls_failures_do_not_suggest_plain_http(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, script: bytes
    ) -> None:
        server = start_loopback(script)
        assert "plain HTTP" not in on_wire(client_kind, f"https://{server.address}").check_key().message

    @pytest.mark.parametrize(
        "script",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY[:40]),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(BODY), BODY),
            b"HTTP/1.1 200 OK\r\n\r\n%b" % BODY[:40],
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip.",
            b"220 mail.example ESMTP\r\n",
        ],
        ids=["nothing", "half a head", "half a body", "half the chunks", "half of the rest", "no gzip", "no HTTP"],
    )
    def test_submission_with_a_broken_response_is_unconfirmed(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, script: bytes
    ) -> None:
        server = start_loopback(script, ACCEPTED)
        with pytest.raises(UnconfirmedSubmissionError):
            on_wire(client_kind, f"http://{server.address}").submit()
        assert len(server.received) == 1

    def test_submission_timeout_is_unconfirmed(self, client_kind: ClientKind, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(None, ACCEPTED)
        with pytest.raises(UnconfirmedSubmissionError, match=r"no complete response in 0\.05 s"):
            on_wire(client_kind, f"http://{server.address}", timeout=0.05).submit()
        assert len(server.received) == 1

    def test_poll_without_a_response_is_a_lost_response(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        server = start_loopback(b"")
        with pytest.raises(LostResponseError):
            on_wire(client_kind, f"http://{server.address}").get_prediction()

    @pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"502 Bad Gateway", b"403 Forbidden"])
    def test_proxy_that_refuses_a_tunnel_is_not_connected(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, status: bytes
    ) -> None:
        proxy = start_loopback(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
        with pytest.raises(NotConnectedError):
            on_wire(client_kind, "https://gptproto.example", proxy=f"http://{proxy.address}").get_prediction()
        [received] = proxy.received
        assert received.startswith(b"CONNECT gptproto.example:443 ")
        assert KEY.encode() not in received

    def test_tunnel_that_closes_before_tls_is_not_connected(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        proxy = start_loopback(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with pytest.raises(NotConnectedError):
            on_wire(client_kind, "https://gptproto.example", proxy=f"http://{proxy.address}").get_prediction()

    def test_submission_through_failing_proxy_is_unconfirmed(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        proxy = start_loopback(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ACCEPTED)
        with pytest.raises(UnconfirmedSubmissionError, match="502"):
            on_wire(client_kind, "http://gptproto.example", proxy=f"http://{proxy.address}").submit()
        assert len(proxy.received) == 1

    def test_proxy_of_the_environment_is_used(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy = start_loopback(ACCEPTED)
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        assert on_wire(client_kind, "http://gptproto.example").submit().id == PREDICTION_ID


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_key_is_not_sent_to_a_redirect_target(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, status: int
    ) -> None:
        other_host = start_loopback(ACCEPTED)
        head = f"HTTP/1.1 {status} Moved\r\nLocation: http://{other_host.address}/\r\nContent-Length: 0\r\n\r\n"
        service = start_loopback(head.encode(), head.encode())
        exchange = on_wire(client_kind, f"http://{service.address}")
        with pytest.raises(UnreadableResponseError if status in (302, 303, 307) else RedirectError):
            exchange.get_prediction()
        with pytest.raises((RedirectError, UnconfirmedSubmissionError)):
            exchange.submit()
        assert len(service.received) == 2
        assert other_host.received == []

    @pytest.mark.parametrize("location", ["javascript:alert(1)", ":http://[::@:1]/", "http://a:99999/", "//", "\xff"])
    def test_redirect_to_an_invalid_url_is_an_error(self, exchange: Exchange, location: str) -> None:
        redirect = CannedAnswer(302, b"", ((b"Location", location.encode("latin-1")),))
        exchange.will_answer(redirect, redirect)
        with pytest.raises(UnconfirmedSubmissionError):
            exchange.submit()
        with pytest.raises(SeedanceError):
            exchange.get_prediction()
        assert len(exchange.requests) == 2


class TestRequest:
    def test_request_has_only_the_necessary_headers(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(), answer())
        exchange.submit()
        exchange.get_prediction()
        submitted, read = exchange.requests
        product = f"airflow-provider-seedance/{airflow_provider_seedance.__version__}"
        headers = {
            "Host": "gptproto.example",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": KEY,
            "User-Agent": f"{product} httpx/{httpx.__version__}",
        }
        more = {"Content-Type": "application/json", "Content-Length": str(len(submitted.content))}
        for request, expected in ((read, headers), (submitted, headers | more)):
            assert {name.decode(): value.decode() for name, value in request.headers.raw} == expected

    @pytest.mark.parametrize(("timeout", "connect"), [(42.0, 10.0), (5.0, 5.0)])
    def test_request_has_timeouts_for_every_phase(self, exchange: Exchange, timeout: float, connect: float) -> None:
        exchange.settings = ClientSettings(api_key=KEY, base_url="https://gptproto.example", timeout=timeout)
        exchange.will_answer(answer())
        exchange.submit()
        assert exchange.requests[0].extensions["timeout"] == {
            "connect": connect,
            # Later than the timeout of the whole request.
            "read": timeout + 1.0,
            "write": timeout + 1.0,
            "pool": timeout + 1.0,
        }

    def test_cookie_is_not_sent_back(self, client_kind: ClientKind, start_loopback: LoopbackStarter) -> None:
        with_cookie = ACCEPTED.replace(b"\r\n", b"\r\nSet-Cookie: session=1; Path=/\r\nConnection: close\r\n", 1)
        waiting = with_cookie.replace(b"created", b"running")
        server = start_loopback(waiting, waiting, waiting)
        exchange = on_wire(client_kind, f"http://{server.address}")
        with pytest.raises(SeedanceError):
            exchange.wait(exchange.new_poller(deadline=exchange.now + 10, poll_interval=5.0))
        assert len(server.received) > 1
        assert not any(b"cookie" in request.lower() for request in server.received)


def open_client(client_class: Any, settings: ClientSettings) -> None:
    """Open a client and close it again."""

    async def open_on_a_loop() -> None:
        async with client_class(settings):
            pass

    if client_class is AsyncGPTProtoClient:
        asyncio.run(open_on_a_loop())
    else:
        client_class(settings).close()


class TestSettings:
    @pytest.fixture(autouse=True)
    def fresh_contexts(self) -> Iterator[None]:
        tls_context.cache_clear()
        yield
        tls_context.cache_clear()

    @pytest.fixture
    def ca_reads(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """Every call of Python that loads certificates of authorities."""
        reads: list[object] = []
        for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
            monkeypatch.setattr(ssl.SSLContext, name, lambda *arguments, **_: reads.append(arguments))
        return reads

    @pytest.fixture(params=[GPTProtoClient, AsyncGPTProtoClient])
    def client_class(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.mark.parametrize("verify", [True, False, certifi.where()])
    def test_clients_share_one_tls_context(self, verify: bool | str) -> None:
        given_settings = ClientSettings(api_key=KEY, verify=verify)
        for client_class in (GPTProtoClient, AsyncGPTProtoClient, GPTProtoClient):
            open_client(client_class, given_settings)
        assert tls_context.cache_info().misses == 1
        assert tls_context(verify, "https") is tls_context(verify, "https")

    @pytest.mark.parametrize("verify", [True, False, certifi.where()])
    @pytest.mark.parametrize("proxy", [None, "http://proxy.example:3128", "https://proxy.example"])
    def test_no_ca_bundle_is_read_for_a_plain_http_host(
        self, client_class: Any, ca_reads: list[object], verify: bool | str, proxy: str | None
    ) -> None:
        url = "http://127.0.0.1:8765"
        open_client(client_class, ClientSettings(api_key=KEY, base_url=url, verify=verify, proxy=proxy))
        assert ca_reads == []

    @pytest.mark.parametrize("verify", [True, certifi.where()])
    def test_ca_bundle_is_read_once_for_an_https_host(
        self, client_class: Any, ca_reads: list[object], verify: bool | str
    ) -> None:
        for _ in range(2):
            open_client(client_class, ClientSettings(api_key=KEY, verify=verify))
        assert len(ca_reads) == 1

    @pytest.mark.parametrize(
        ("host", "link", "reads"),
        [
            ("http://gateway.example", "https://cdn.example/a.mp4", 1),
            ("https://gateway.example", "http://cdn.example/a.mp4", 0),
        ],
    )
    def test_ca_bundle_is_read_for_the_scheme_of_a_link(
        self, ca_reads: list[object], host: str, link: str, reads: int
    ) -> None:
        open_transport(httpx.HTTPTransport, ClientSettings(api_key=KEY, base_url=host), 5.0, address=link).close()
        assert len(ca_reads) == reads

    @pytest.mark.parametrize("verify", [True, False, certifi.where()])
    def test_context_for_plain_http_accepts_no_certificate(self, verify: bool | str) -> None:
        context = tls_context(verify, "http")
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.cert_store_stats()["x509"] == 0

    @pytest.mark.parametrize(
        ("client_class", "name", "limits"),
        [
            (GPTProtoClient, "HTTPTransport", httpx.Limits(keepalive_expiry=5.0)),
            (AsyncGPTProtoClient, "AsyncHTTPTransport", httpx.Limits(max_connections=1, keepalive_expiry=120.0)),
        ],
        indirect=["client_class"],
    )
    def test_idle_connections_expire(
        self, client_class: Any, monkeypatch: pytest.MonkeyPatch, name: str, limits: httpx.Limits
    ) -> None:
        opened: list[httpx.Limits] = []
        original = getattr(httpx, name)

        def open_transport(**options: Any) -> Any:
            opened.append(options["limits"])
            return original(**options)

        monkeypatch.setattr(httpx, name, open_transport)
        open_client(client_class, ClientSettings(api_key=KEY))
        assert opened == [limits]

    @pytest.mark.parametrize("verify", [True, certifi.where()])
    def test_certificates_are_verified_by_default(self, verify: bool | str) -> None:
        context = tls_context(verify, "https")
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname

    def test_certificates_are_not_verified_with_verify_false(self) -> None:
        assert tls_context(False, "https").verify_mode is ssl.CERT_NONE

    @pytest.mark.parametrize("content", [None, "", "no certificate"])
    def test_invalid_ca_bundle_is_refused(self, client_class: Any, tmp_path: Path, content: str | None) -> None:
        bundle = tmp_path / "ca.pem"
        if content is not None:
            bundle.write_text(content)
        with pytest.raises(ConnectionSettingsError, match=re.escape(str(bundle))):
            open_client(client_class, ClientSettings(api_key=KEY, verify=str(bundle)))

    @pytest.mark.parametrize("content", [None, "", "no certificate"])
    def test_invalid_ca_bundle_of_the_environment_is_named(
        self, client_class: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
    ) -> None:
        """https://github.com/python/cpython/issues/144249: Python's error does not name the file."""
        bundle = tmp_path / "ca.pem"
        if content is not None:
            bundle.write_text(content)
        elif version("httpx") < "0.28":
            pytest.skip("httpx below 0.28 ignores a missing file")
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        with pytest.raises(ConnectionSettingsError) as caught:
            open_client(client_class, ClientSettings(api_key=KEY))
        assert f"SSL_CERT_FILE, '{bundle}', is not a readable CA bundle" in caught.value.what
        assert "environment variable" in str(caught.value)
        assert "Correct the Airflow connection" not in str(caught.value)
        # The connection's own bundle, and none, do not read the variable.
        for verify in (False, certifi.where()):
            open_client(client_class, ClientSettings(api_key=KEY, verify=verify))

    def test_ca_bundle_with_an_invalid_path_is_refused(self, client_class: Any) -> None:
        what = r"^verify in the connection's extra, '\\x00', is not a readable CA bundle \(.+\)"
        with pytest.raises(ConnectionSettingsError, match=what):
            open_client(client_class, ClientSettings(api_key=KEY, verify="\x00"))

    def test_key_in_place_of_a_ca_bundle_is_redacted(self, client_class: Any) -> None:
        with pytest.raises(ConnectionSettingsError, match=r"extra, '\*\*\*', is not a readable CA bundle") as raised:
            open_client(client_class, ClientSettings(api_key=KEY, verify="sk-of-another-account"))
        assert "another" not in str(raised.value)

    @pytest.mark.parametrize("host", ["gptproto..com", "a" * 64 + ".example", "exa\x00mple"])
    def test_host_that_cannot_be_resolved_is_refused(self, client_class: Any, host: str) -> None:
        with pytest.raises(ConnectionSettingsError) as caught:
            open_client(client_class, ClientSettings(api_key=KEY, base_url=f"https://{host}"))
        assert caught.value.what == "The connection's host is not a valid address"

    @pytest.mark.parametrize("proxy", ["http://user:pa:ss@proxy:port", "gopher://user:pass@proxy", "http://[user:pass"])
    def test_invalid_proxy_is_refused_without_its_password(self, client_class: Any, proxy: str) -> None:
        with pytest.raises(ConnectionSettingsError) as caught:
            open_client(client_class, ClientSettings(api_key=KEY, proxy=proxy))
        what = "The proxy in the connection's extra, or in the environment, is not a valid address"
        assert caught.value.what == what
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize("from_environment", [True, False])
    def test_socks_proxy_without_its_package_is_refused(
        self, client_class: Any, monkeypatch: pytest.MonkeyPatch, from_environment: bool
    ) -> None:
        monkeypatch.setitem(sys.modules, "socksio", None)
        proxy = "socks5://proxy.example:1080"
        if from_environment:
            monkeypatch.setenv("ALL_PROXY", proxy)
        with pytest.raises(ConnectionSettingsError, match=r"^The proxy cannot be used: .*socks"):
            open_client(client_class, ClientSettings(api_key=KEY, proxy=None if from_environment else proxy))


class TestUnusualResponse:
    @pytest.mark.parametrize("charset", ["hex", "undefined", "idna", "rot13", "utf-16", "latin-1", "no-such", ""])
    def test_json_is_decoded_as_utf_8_with_any_charset(self, exchange: Exchange, charset: str) -> None:
        body = json.dumps(envelope(status="failed", error="Größe 猫"), ensure_ascii=False)
        exchange.will_answer(answer(body, content_type=f"application/json; charset={charset}"))
        prediction = exchange.get_prediction()
        assert prediction.status is PredictionStatus.FAILED
        assert prediction.error is not None
        assert prediction.error.message == "Größe 猫"

    def test_byte_order_mark_is_ignored(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(b"\xef\xbb\xbf" + json.dumps(succeeded()).encode()))
        assert exchange.get_prediction().is_complete

    def test_unknown_content_encoding_is_ignored(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(b"\x00\xff\x01", 502, content_encoding="zstd-of-tomorrow"))
        with pytest.raises(ServiceError):
            exchange.get_prediction()

    @pytest.mark.parametrize(
        "opening", ["[", '{"data":', '{"data":{"id":"abc","error":', '{"error":', '{"data":[{"a":']
    )
    @pytest.mark.parametrize("depth", [10, 300, 900, 980, 100_000])
    def test_deeply_nested_json_raises_only_seedance_errors(self, exchange: Exchange, opening: str, depth: int) -> None:
        body = (
            opening + "[" * depth + "]" * depth + "".join({"[": "]", "{": "}"}.get(sign, "") for sign in opening[::-1])
        )
        exchange.will_answer(*[answer(body)] * 2)
        for call in (exchange.submit, exchange.get_prediction):
            with contextlib.suppress(SeedanceError):
                call()
        assert len(exchange.requests) == 2


class TestImports:
    def test_only_http_modules_import_httpx(self) -> None:
        importers = {
            path.relative_to(PACKAGE).as_posix()
            for path in PACKAGE.rglob("*.py")
            if re.search(r"^\s*(import|from) httpx", path.read_text(), re.MULTILINE)
        }
        assert importers == {"gptproto/http/body.py", "gptproto/http/fetch.py", "gptproto/http/transport.py"}
