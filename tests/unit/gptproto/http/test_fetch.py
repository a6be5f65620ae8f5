"""SSRF guard: links are fetched without the API key, and only from public addresses."""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from airflow_provider_seedance import __version__
from airflow_provider_seedance.gptproto.errors import Charge, DownloadFailedError, ForbiddenLinkError
from airflow_provider_seedance.gptproto.http.fetch import FetchResponse, PublicFetcher, is_public, resolve
from airflow_provider_seedance.gptproto.settings import ClientSettings
from benchmarks import certificates
from tests.unit.gptproto.conftest import KEY, SETTINGS, LoopbackStarter
from tests.unit.gptproto.http.test_time_limit import dripping

pytestmark = pytest.mark.usefixtures("start_loopback")  # This fixture removes the proxy of the environment.

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvideo"


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


class FakeDns:
    """A DNS resolver with these names, and with those of this host."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = addresses
        self.lookups: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        known = self.addresses.get(host.partition(".")[0])
        return known.split() if known else resolve(host, port)


def fail_to_resolve(host: str, port: int) -> list[str]:
    raise OSError("unknown name")


@contextmanager
def open_link(link: str, fetcher: PublicFetcher | None = None, **headers: str) -> Iterator[FetchResponse]:
    with (fetcher or PublicFetcher(SETTINGS, allow_private_addresses=True)).get(link, headers) as response:
        yield response


def fetch(link: str, fetcher: PublicFetcher | None = None, **headers: str) -> bytes:
    with open_link(link, fetcher, **headers) as response:
        assert response.status == 200
        return b"".join(response.pieces)


class TestResponse:
    def test_response_has_status_headers_and_body_of_the_server(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(b"HTTP/1.1 403 Forbidden\r\nX-Reason: Expired\r\nContent-Length: 2\r\n\r\nno")
        with open_link(f"http://{server.address}/0.mp4?signature=a%2Fb") as response:
            assert (response.status, response.headers["x-reason"]) == (403, "Expired")
            assert b"".join(response.pieces) == b"no"
        assert server.received[0].startswith(b"GET /0.mp4?signature=a%2Fb HTTP/1.1\r\n")

    def test_request_has_no_key_and_no_compression(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(OK)
        fetch(
            f"http://{server.address}/",
            PublicFetcher(replace(SETTINGS, base_url=f"http://{server.address}")),
            Range="bytes=7-",
        )
        start, *head = server.received[0].decode().removesuffix("\r\n\r\n").split("\r\n")
        assert start == "GET / HTTP/1.1"
        assert sorted(head) == [
            "Accept-Encoding: identity",
            "Accept: */*",
            f"Host: {server.address}",
            "Range: bytes=7-",
            f"User-Agent: airflow-provider-seedance/{__version__} httpx/{httpx.__version__}",
        ]

    def test_body_is_read_in_pieces_of_64_kib_at_most(self, start_loopback: LoopbackStarter) -> None:
        size = 300_000
        server = start_loopback(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, bytes(size)))
        with open_link(f"http://{server.address}/") as response:
            pieces = [len(piece) for piece in response.pieces]
        assert sum(pieces) == size
        assert max(pieces) <= 64 * 1024


class TestNetworkError:
    @pytest.mark.parametrize("script", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nvid", b"nonsense\r\n\r\n"])
    def test_broken_connection_is_a_download_error(self, start_loopback: LoopbackStarter, script: bytes) -> None:
        server = start_loopback(script)
        what = rf"^http://{re.escape(server.address)}/0\.mp4 could not be fetched: RemoteProtocolError \w"
        with pytest.raises(DownloadFailedError, match=what) as raised:
            fetch(f"http://{server.address}/0.mp4?signature=needle")
        assert "needle" not in str(raised.value)

    def test_silent_server_is_a_read_timeout(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(None)
        fetcher = PublicFetcher(replace(SETTINGS, timeout=0.05), allow_private_addresses=True)
        with pytest.raises(DownloadFailedError, match="ReadTimeout"):
            fetch(f"http://{server.address}/", fetcher)

    def test_failed_name_resolution_is_a_download_error(self) -> None:
        def fail(host: str, port: int) -> list[str]:
            raise OSError("Temporary failure in name resolution")

        with pytest.raises(DownloadFailedError, match="Temporary failure in name resolution"):
            fetch("http://cdn.example/", PublicFetcher(SETTINGS, resolver=fail))

    def test_next_address_of_a_host_is_tried(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(OK)
        port = server.address.partition(":")[2]
        # No server listens at the first address.
        fetcher = PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=FakeDns(cdn="127.0.0.2 127.0.0.1"))
        assert fetch(f"http://cdn.example:{port}/", fetcher) == b"video"

    def test_headers_that_drip_fail_at_the_time_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_seedance.gptproto.http.fetch.CONNECT_TIMEOUT", 0.1)
        fetcher = PublicFetcher(replace(SETTINGS, timeout=0.2), allow_private_addresses=True)
        with (
            dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n") as address,
            pytest.raises(DownloadFailedError, match="no complete headers in"),
        ):
            fetch(f"http://{address}/0.mp4", fetcher)


class TestGuard:
    @pytest.mark.parametrize(
        "link",
        [
            "file:///etc/passwd",
            "ftp://cdn.example/0.mp4",
            "data:video/mp4;base64,AAAA",
            "//cdn.example/0.mp4",
            "/0.mp4",
            "",
            "https://",
            "http://[::1",
            "http://cdn.example:99999/",
            "http://cdn.example:0/",
            "http://cdn\x00.example/",
            "http://xn--/0.mp4",
            "http://cdn.example/\ud800",
        ],
    )
    def test_url_that_is_not_http_is_refused(self, link: str) -> None:
        with pytest.raises(
            ForbiddenLinkError, match=r"^(The link is not a valid|\S* is not (a valid|an http\(s\))) URL"
        ) as caught:
            fetch(link)
        # The video behind the link is already paid for.
        assert caught.value.charge is Charge.ACCEPTED

    @pytest.mark.parametrize(("port", "is_valid"), [(1, True), (65_535, True), (65_536, False)])
    def test_port_outside_of_the_valid_range_is_refused(self, port: int, is_valid: bool) -> None:
        with pytest.raises(DownloadFailedError if is_valid else ForbiddenLinkError):
            fetch(f"http://cdn.example:{port}/", PublicFetcher(SETTINGS, resolver=fail_to_resolve))

    @pytest.mark.parametrize(
        ("link", "lookup"),
        [
            ("https://cdn.example/", ("cdn.example", 443)),
            ("http://cdn.example/", ("cdn.example", 80)),
            ("https://cdn.example:80/", ("cdn.example", 80)),
        ],
    )
    def test_host_name_is_resolved_once_with_its_port(self, link: str, lookup: tuple[str, int]) -> None:
        lookups: list[tuple[str, int]] = []

        def resolve_to_nothing(host: str, port: int) -> list[str]:
            lookups.append((host, port))
            return []

        with pytest.raises(DownloadFailedError, match="no address") as caught:
            fetch(link, PublicFetcher(SETTINGS, resolver=resolve_to_nothing))
        assert lookups == [lookup]
        assert caught.value.what == f"{link} could not be fetched: OSError the host has no address"
        assert caught.value.charge is Charge.ACCEPTED

    def test_unknown_host_name_is_a_download_error(self) -> None:
        with pytest.raises(
            DownloadFailedError, match=r"https://cdn\.example/0\.mp4 could not be fetched: OSError unknown name"
        ):
            fetch("https://cdn.example/0.mp4", PublicFetcher(SETTINGS, resolver=fail_to_resolve))

    def test_invalid_host_name_is_refused(self) -> None:
        with pytest.raises(ForbiddenLinkError, match=r"https://a\.\.b/0\.mp4 has an invalid host name"):
            fetch(
                "https://a..b/0.mp4", PublicFetcher(SETTINGS, resolver=lambda host, port: [f"{host.encode('idna')!r}"])
            )

    def test_errors_show_no_secret_part_of_a_link(self) -> None:
        link = "https://user:needle@cdn.example/0.mp4?needle#needle"
        with pytest.raises(DownloadFailedError) as caught:
            fetch(link, PublicFetcher(SETTINGS, resolver=fail_to_resolve))
        assert "https://cdn.example/0.mp4 " in str(caught.value)
        assert "needle" not in str(caught.value)

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "2130706433",
            "0x7f000001",
            "127.1",
            "0.0.0.0",  # noqa: S104
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[fe80::1]",
            "[fc00::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[::ffff:10.0.0.1]",
            "[2002:a00:1::]",
            "[64:ff9b::a00:1]",
            "[::10.0.0.1]",
        ],
    )
    def test_private_host_is_refused(self, host: str) -> None:
        with pytest.raises(ForbiddenLinkError, match="not a public address"):
            fetch(f"http://{host}:9/0.mp4?signature=needle", PublicFetcher(SETTINGS))

    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
    )
    def test_public_address_is_recognised(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize("addresses", ["10.0.0.1", "8.8.8.8 10.0.0.1", "2606:4700::1111 ::1"])
    def test_host_name_with_a_private_address_is_refused(self, addresses: str) -> None:
        with pytest.raises(ForbiddenLinkError, match=r"https://cdn\.example/ resolves to"):
            fetch("https://cdn.example/", PublicFetcher(SETTINGS, resolver=FakeDns(cdn=addresses)))

    def test_connection_goes_to_the_checked_address(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(OK)
        port = server.address.partition(":")[2]
        dns = FakeDns(cdn="127.0.0.1")
        fetch(f"http://cdn.example:{port}/0.mp4", PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=dns))
        # One lookup only: a second one could return another address (DNS rebinding).
        assert dns.lookups == ["cdn.example"]
        assert f"host: cdn.example:{port}\r\n".encode() in server.received[0].lower()

    @pytest.mark.parametrize(
        ("link", "error"),
        [
            ("https://gptproto.example:443/0.mp4", DownloadFailedError),  # no server listens there
            ("https://gptproto.example/0.mp4", DownloadFailedError),
            ("https://gptproto.example:444/0.mp4", ForbiddenLinkError),
            ("http://gptproto.example:443/0.mp4", ForbiddenLinkError),
            ("http://gptproto.example/0.mp4", ForbiddenLinkError),
        ],
    )
    def test_origin_includes_the_default_port(self, link: str, error: type[Exception]) -> None:
        with pytest.raises(error):
            fetch(link, PublicFetcher(SETTINGS, resolver=FakeDns(gptproto="127.0.0.1")))

    def test_origin_of_the_connection_is_trusted(self, start_loopback: LoopbackStarter) -> None:
        server, other = start_loopback(OK), start_loopback()
        fetcher = PublicFetcher(ClientSettings(api_key=KEY, base_url=f"http://{server.address}/gateway"))
        assert fetch(f"http://{server.address}/outputs/0.mp4", fetcher) == b"video"
        for elsewhere in (other.address, server.address.replace("127.0.0.1", "localhost")):
            with pytest.raises(ForbiddenLinkError):
                fetch(f"http://{elsewhere}/outputs/0.mp4", fetcher)


class TestRedirect:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_followed_with_the_same_headers(self, start_loopback: LoopbackStarter, status: int) -> None:
        target = start_loopback(OK)
        first = start_loopback(redirect(f"http://{target.address}/real.mp4", status))
        assert fetch(f"http://{first.address}/", Range="bytes=7-") == b"video"
        assert target.received[0].startswith(b"GET /real.mp4 HTTP/1.1\r\n")
        assert b"range: bytes=7-" in target.received[0].lower()

    def test_redirect_may_be_relative(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(redirect("../real.mp4"), OK)
        assert fetch(f"http://{server.address}/a/b/0.mp4") == b"video"
        assert server.received[1].startswith(b"GET /a/real.mp4 HTTP/1.1\r\n")

    @pytest.mark.parametrize(
        "location", ["http://127.0.0.1:9/", "http://cdn.example/", "file:///etc/passwd", "http://[::1"]
    )
    def test_redirect_is_checked_like_the_link(self, start_loopback: LoopbackStarter, location: str) -> None:
        server = start_loopback(redirect(location))
        fetcher = PublicFetcher(
            ClientSettings(api_key=KEY, base_url=f"http://{server.address}"), resolver=FakeDns(cdn="169.254.169.254")
        )
        with pytest.raises(ForbiddenLinkError):
            fetch(f"http://{server.address}/", fetcher)

    def test_redirects_are_limited_to_five(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(*[redirect("/")] * 5, OK)
        assert fetch(f"http://{server.address}/") == b"video"
        circle = start_loopback(*[redirect("/")] * 6)
        with pytest.raises(ForbiddenLinkError, match="redirects more than 5 times"):
            fetch(f"http://{circle.address}/")


@contextmanager
def forwarding_proxy(target: tuple[str, int]) -> Iterator[tuple[str, list[str]]]:
    """Run an HTTP proxy to which every name has one private address, as DNS rebinding gives it."""
    requests: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            requests.append(self.rfile.readline().decode().strip())
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(target) as server:
                back = threading.Thread(target=_copy, args=(server, self.connection))
                back.start()
                _copy(self.connection, server)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield "http://{}:{}".format(*proxy.server_address), requests
        proxy.shutdown()
        thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


class TestProxy:
    """A proxy resolves names itself, so it may reach another address than the one that was checked."""

    def test_proxy_of_the_environment_is_used_except_for_no_proxy(
        self, start_loopback: LoopbackStarter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy, near = start_loopback(OK), start_loopback(OK)
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "near.example")
        fetcher = PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=FakeDns(near="127.0.0.1"))
        assert fetch("http://cdn.invalid/0.mp4", fetcher) == b"video"
        assert fetch(f"http://near.example:{near.address.rpartition(':')[2]}/0.mp4", fetcher) == b"video"
        assert [each.received[0].split()[1] for each in (proxy, near)] == [b"http://cdn.invalid/0.mp4", b"/0.mp4"]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("addresses", ["127.0.0.1", "192.0.2.1", "8.8.8.8 10.0.0.1", "fd00::1"])
    def test_proxy_gets_no_request_for_a_private_host(
        self, start_loopback: LoopbackStarter, scheme: str, addresses: str
    ) -> None:
        proxy = start_loopback(OK)
        fetcher = PublicFetcher(
            replace(SETTINGS, proxy=f"http://{proxy.address}"), resolver=FakeDns(intranet=addresses)
        )
        with pytest.raises(ForbiddenLinkError, match="not a public address"):
            fetch(f"{scheme}://intranet.example/", fetcher)
        with pytest.raises(ForbiddenLinkError, match="not a public address"):
            fetch(f"{scheme}://169.254.169.254/latest/meta-data", fetcher)
        assert proxy.received == []

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_name_that_only_the_proxy_resolves_is_not_fetched(
        self, start_loopback: LoopbackStarter, scheme: str
    ) -> None:
        proxy = start_loopback(OK)
        fetcher = PublicFetcher(replace(SETTINGS, proxy=f"http://{proxy.address}"), resolver=fail_to_resolve)
        with pytest.raises(DownloadFailedError, match=r"unknown name.*set allow_private_addresses=True") as raised:
            fetch(f"{scheme}://vault.intranet/", fetcher)
        assert raised.value.charge is Charge.ACCEPTED
        assert proxy.received == []

    def test_unknown_name_without_a_proxy_has_the_usual_advice(self) -> None:
        with pytest.raises(DownloadFailedError) as raised:
            fetch("http://cdn.example/", PublicFetcher(SETTINGS, resolver=fail_to_resolve))
        assert "allow_private_addresses" not in str(raised.value)

    @pytest.mark.parametrize(
        ("link", "verify"),
        [("http://cdn.example/", True), ("http://cdn.example/", False), ("https://cdn.example/", False)],
    )
    def test_name_that_no_certificate_proves_is_refused(
        self, start_loopback: LoopbackStarter, link: str, verify: bool
    ) -> None:
        proxy = start_loopback(OK)
        settings = replace(SETTINGS, proxy=f"http://{proxy.address}", verify=verify)
        with pytest.raises(ForbiddenLinkError, match=r"proxy.*no verified TLS certificate.*allow_private_addresses"):
            fetch(link, PublicFetcher(settings, resolver=FakeDns(cdn="8.8.8.8")))
        assert proxy.received == []

    @pytest.mark.parametrize("is_own", [False, True])
    def test_trusted_name_is_left_to_the_proxy(self, start_loopback: LoopbackStarter, is_own: bool) -> None:
        proxy = start_loopback(OK)
        settings = replace(SETTINGS, proxy=f"http://{proxy.address}")
        if is_own:
            settings = replace(settings, base_url="http://cdn.invalid")
        fetcher = PublicFetcher(settings, allow_private_addresses=not is_own, resolver=fail_to_resolve)
        assert fetch("http://cdn.invalid/0.mp4", fetcher) == b"video"
        assert proxy.received[0].startswith(b"GET http://cdn.invalid/0.mp4 HTTP/1.1\r\n")

    def test_address_is_sent_to_the_proxy(self, start_loopback: LoopbackStarter) -> None:
        proxy = start_loopback(OK)
        fetcher = PublicFetcher(replace(SETTINGS, proxy=f"http://{proxy.address}"))
        assert fetch("http://8.8.8.8/0.mp4", fetcher) == b"video"
        assert proxy.received[0].startswith(b"GET http://8.8.8.8/0.mp4 HTTP/1.1\r\n")

    @pytest.mark.parametrize("proxy", ["socks5://proxy.example:1080", "socks5h://proxy.example:1080"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_socks_proxy_gets_the_checked_address(
        self, monkeypatch: pytest.MonkeyPatch, proxy: str, scheme: str
    ) -> None:
        sent: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return httpx.Response(200, content=b"video")

        monkeypatch.setattr(
            "airflow_provider_seedance.gptproto.http.fetch.open_transport", lambda *_, **__: httpx.MockTransport(answer)
        )
        fetcher = PublicFetcher(replace(SETTINGS, proxy=proxy), resolver=FakeDns(cdn="8.8.8.8"))
        with open_link(f"{scheme}://cdn.example/0.mp4", fetcher):
            pass
        assert [(each.url.host, each.headers["host"]) for each in sent] == [("8.8.8.8", "cdn.example")]
        assert sent[0].extensions["sni_hostname"] == "cdn.example"


class Video(BaseHTTPRequestHandler):
    served = 0

    def do_GET(self) -> None:
        type(self).served += 1
        self.wfile.write(OK)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class TestCertificate:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[tuple[int, str]]:
        """Return the port of a server whose certificate is for 203.0.113.7, and its CA bundle."""
        files = certificates.make(tmp_path, "203.0.113.7")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        with HTTPServer(("127.0.0.1", 0), Video) as listener:
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield listener.server_port, str(files.bundle)
            listener.shutdown()
            thread.join()

    @pytest.mark.parametrize(("host", "is_accepted"), [("203.0.113.7", True), ("cdn.example", False)])
    def test_certificate_must_match_the_host_in_the_link(
        self, server: tuple[int, str], host: str, is_accepted: bool
    ) -> None:
        port, bundle = server
        settings = replace(SETTINGS, verify=bundle)
        fetcher = PublicFetcher(settings, allow_private_addresses=True, resolver=lambda *_: ["127.0.0.1"])
        if is_accepted:
            assert fetch(f"https://{host}:{port}/", fetcher) == b"video"
            return
        with pytest.raises(DownloadFailedError, match=r"CERTIFICATE_VERIFY_FAILED.*Hostname mismatch"):
            fetch(f"https://{host}:{port}/", fetcher)

    def test_certificate_of_an_unknown_authority_has_advice(self, server: tuple[int, str]) -> None:
        port, _ = server
        fetcher = PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=lambda *_: ["127.0.0.1"])
        with pytest.raises(DownloadFailedError, match=r"CERTIFICATE_VERIFY_FAILED.*set verify .*SSL_CERT_FILE"):
            fetch(f"https://203.0.113.7:{port}/", fetcher)

    @pytest.mark.parametrize("is_redirected", [False, True])
    @pytest.mark.parametrize(("host", "is_accepted"), [("203.0.113.7", True), ("cdn.example", False)])
    def test_certificate_of_a_link_is_verified_where_the_service_has_plain_http(
        self,
        server: tuple[int, str],
        start_loopback: LoopbackStarter,
        host: str,
        is_accepted: bool,
        is_redirected: bool,
    ) -> None:
        port, bundle = server
        link = f"https://{host}:{port}/"
        service = start_loopback(redirect(link)).address
        settings = replace(SETTINGS, base_url=f"http://{service}", verify=bundle)
        fetcher = PublicFetcher(settings, allow_private_addresses=True, resolver=lambda *_: ["127.0.0.1"])
        begin = f"http://{service}/" if is_redirected else link
        if is_accepted:
            assert fetch(begin, fetcher) == b"video"
            return
        with pytest.raises(DownloadFailedError, match=r"CERTIFICATE_VERIFY_FAILED.*Hostname mismatch"):
            fetch(begin, fetcher)

    @pytest.mark.parametrize(("host", "is_accepted"), [("203.0.113.7", True), ("cdn.example", False)])
    def test_certificate_must_match_the_host_behind_a_proxy(
        self, server: tuple[int, str], monkeypatch: pytest.MonkeyPatch, host: str, is_accepted: bool
    ) -> None:
        port, bundle = server
        monkeypatch.setattr(Video, "served", 0)
        monkeypatch.setattr("airflow_provider_seedance.gptproto.http.fetch.is_public", lambda _: True)
        with forwarding_proxy(("127.0.0.1", port)) as (proxy, requests):
            settings = replace(SETTINGS, verify=bundle, proxy=proxy)
            fetcher = PublicFetcher(settings, resolver=FakeDns(cdn="8.8.8.8"))
            if is_accepted:
                assert fetch(f"https://{host}:{port}/", fetcher) == b"video"
            else:
                with pytest.raises(DownloadFailedError, match=r"CERTIFICATE_VERIFY_FAILED.*Hostname mismatch"):
                    fetch(f"https://{host}:{port}/", fetcher)
        assert requests == [f"CONNECT {host}:{port} HTTP/1.1"]
        assert Video.served == (1 if is_accepted else 0)
