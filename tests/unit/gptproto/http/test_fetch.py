"""Links are followed without the key, and never to where only this network may go."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, DownloadFailedError, ForbiddenLinkError
from airflow_provider_seedance.gptproto.http.fetch import FetchResponse, PublicFetcher, is_public, resolve
from airflow_provider_seedance.gptproto.settings import ClientSettings
from benchmarks import certificates
from tests.unit.gptproto.conftest import KEY, SETTINGS, LoopbackStarter

pytestmark = pytest.mark.usefixtures("start_loopback")  # which takes the environment's proxy away

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvideo"


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


class Names:
    """A name service with these names, and those of this host."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        known = self.addresses.get(host.partition(".")[0])
        return known.split() if known else resolve(host, port)


def nobody(host: str, port: int) -> list[str]:
    raise OSError("nobody knows it")


@contextmanager
def following(link: str, links: PublicFetcher | None = None, **headers: str) -> Iterator[FetchResponse]:
    with (links or PublicFetcher(SETTINGS, allow_private_addresses=True)).get(link, headers) as answer:
        yield answer


def fetch(link: str, links: PublicFetcher | None = None, **headers: str) -> bytes:
    with following(link, links, **headers) as answer:
        assert answer.status == 200
        return b"".join(answer.pieces)


class TestAnswer:
    def test_is_what_the_server_says(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(b"HTTP/1.1 403 Forbidden\r\nX-Reason: Expired\r\nContent-Length: 2\r\n\r\nno")
        with following(f"http://{server.address}/0.mp4?signature=a%2Fb") as answer:
            assert (answer.status, answer.headers["x-reason"]) == (403, "Expired")
            assert b"".join(answer.pieces) == b"no"
        assert server.received[0].startswith(b"GET /0.mp4?signature=a%2Fb HTTP/1.1\r\n")

    def test_the_request_has_no_key_and_asks_for_the_file_as_it_is(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(OK)
        fetch(
            f"http://{server.address}/",
            PublicFetcher(replace(SETTINGS, base_url=f"http://{server.address}")),
            Range="bytes=7-",
        )
        head = server.received[0].lower()
        assert b"range: bytes=7-\r\n" in head
        assert b"accept-encoding: identity\r\n" in head
        assert b"authorization" not in head
        assert b"cookie" not in head
        assert KEY.lower().encode() not in head

    def test_arrives_in_pieces(self, start_loopback: LoopbackStarter) -> None:
        size = 300_000
        server = start_loopback(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, bytes(size)))
        with following(f"http://{server.address}/") as answer:
            pieces = [len(piece) for piece in answer.pieces]
        assert sum(pieces) == size
        assert max(pieces) <= 64 * 1024


class TestFailure:
    @pytest.mark.parametrize("script", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nvid", b"nonsense\r\n\r\n"])
    def test_of_a_connection(self, start_loopback: LoopbackStarter, script: bytes) -> None:
        server = start_loopback(script)
        with pytest.raises(DownloadFailedError, match=f"http://{server.address}/0.mp4 could not be fetched") as raised:
            fetch(f"http://{server.address}/0.mp4?signature=needle")
        assert "needle" not in str(raised.value)

    def test_of_a_server_that_is_silent(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(None)
        links = PublicFetcher(replace(SETTINGS, timeout=0.05), allow_private_addresses=True)
        with pytest.raises(DownloadFailedError, match="ReadTimeout"):
            fetch(f"http://{server.address}/", links)

    def test_of_the_name_service(self) -> None:
        def fail(host: str, port: int) -> list[str]:
            raise OSError("Temporary failure in name resolution")

        with pytest.raises(DownloadFailedError, match="Temporary failure in name resolution"):
            fetch("http://cdn.example/", PublicFetcher(SETTINGS, resolver=fail))

    def test_the_next_address_of_a_host_is_tried(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(OK)
        port = server.address.partition(":")[2]
        # Nothing listens at the first.
        links = PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=Names(cdn="127.0.0.2 127.0.0.1"))
        assert fetch(f"http://cdn.example:{port}/", links) == b"video"


class TestAddress:
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
    def test_only_http_is_followed(self, link: str) -> None:
        with pytest.raises(ForbiddenLinkError, match=r"is no (http\(s\) )?address") as caught:
            fetch(link)
        # Whose link it is was paid for.
        assert caught.value.charge is Charge.ACCEPTED

    @pytest.mark.parametrize(("port", "is_one"), [(1, True), (65_535, True), (65_536, False)])
    def test_a_port_has_to_be_one(self, port: int, is_one: bool) -> None:
        with pytest.raises(DownloadFailedError if is_one else ForbiddenLinkError):
            fetch(f"http://cdn.example:{port}/", PublicFetcher(SETTINGS, resolver=nobody))

    @pytest.mark.parametrize(
        ("link", "asked"),
        [
            ("https://cdn.example/", ("cdn.example", 443)),
            ("http://cdn.example/", ("cdn.example", 80)),
            ("https://cdn.example:80/", ("cdn.example", 80)),
        ],
    )
    def test_a_name_is_looked_up_for_its_port(self, link: str, asked: tuple[str, int]) -> None:
        lookups: list[tuple[str, int]] = []

        def find_nothing(host: str, port: int) -> list[str]:
            lookups.append((host, port))
            return []

        with pytest.raises(DownloadFailedError, match=r"//cdn\.example.* could not be fetched: .*no address") as caught:
            fetch(link, PublicFetcher(SETTINGS, resolver=find_nothing))
        assert lookups == [asked]
        assert caught.value.charge is Charge.ACCEPTED

    def test_a_name_that_cannot_be_looked_up_is_told(self) -> None:
        with pytest.raises(
            DownloadFailedError, match=r"https://cdn\.example/0\.mp4 could not be fetched: OSError nobody"
        ):
            fetch("https://cdn.example/0.mp4", PublicFetcher(SETTINGS, resolver=nobody))

    def test_a_name_that_is_none_is_told(self) -> None:
        with pytest.raises(ForbiddenLinkError, match=r"https://a\.\.b/0\.mp4 names no host that can be used"):
            fetch(
                "https://a..b/0.mp4", PublicFetcher(SETTINGS, resolver=lambda host, port: [f"{host.encode('idna')!r}"])
            )

    def test_errors_show_no_part_that_may_be_secret(self) -> None:
        link = "https://user:needle@cdn.example/0.mp4?needle#needle"
        with pytest.raises(DownloadFailedError) as caught:
            fetch(link, PublicFetcher(SETTINGS, resolver=nobody))
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
    def test_private_hosts_are_refused(self, host: str) -> None:
        with pytest.raises(ForbiddenLinkError, match="no public address"):
            fetch(f"http://{host}:9/0.mp4?signature=needle", PublicFetcher(SETTINGS))

    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
    )
    def test_public_addresses_are_public(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize("addresses", ["10.0.0.1", "8.8.8.8 10.0.0.1", "2606:4700::1111 ::1"])
    def test_every_address_of_a_name_has_to_be_public(self, addresses: str) -> None:
        with pytest.raises(ForbiddenLinkError, match=r"https://cdn\.example/ leads to"):
            fetch("https://cdn.example/", PublicFetcher(SETTINGS, resolver=Names(cdn=addresses)))

    def test_the_connection_goes_to_an_address_that_was_checked(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(OK)
        port = server.address.partition(":")[2]
        names = Names(cdn="127.0.0.1")
        fetch(f"http://cdn.example:{port}/0.mp4", PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=names))
        # A second look could bring another answer; and this name does not exist outside of this test.
        assert names.asked == ["cdn.example"]
        assert f"host: cdn.example:{port}\r\n".encode() in server.received[0].lower()

    @pytest.mark.parametrize(
        ("link", "error"),
        [
            ("https://gptproto.example:443/0.mp4", DownloadFailedError),  # nobody listens there
            ("https://gptproto.example/0.mp4", DownloadFailedError),
            ("https://gptproto.example:444/0.mp4", ForbiddenLinkError),
            ("http://gptproto.example:443/0.mp4", ForbiddenLinkError),
            ("http://gptproto.example/0.mp4", ForbiddenLinkError),
        ],
    )
    def test_the_usual_port_goes_without_saying_in_an_origin(self, link: str, error: type[Exception]) -> None:
        with pytest.raises(error):
            fetch(link, PublicFetcher(SETTINGS, resolver=Names(gptproto="127.0.0.1")))

    def test_the_origin_of_the_connection_is_trusted(self, start_loopback: LoopbackStarter) -> None:
        server, other = start_loopback(OK), start_loopback()
        links = PublicFetcher(ClientSettings(api_key=KEY, base_url=f"http://{server.address}/gateway"))
        assert fetch(f"http://{server.address}/outputs/0.mp4", links) == b"video"
        for elsewhere in (other.address, server.address.replace("127.0.0.1", "localhost")):
            with pytest.raises(ForbiddenLinkError):
                fetch(f"http://{elsewhere}/outputs/0.mp4", links)


class TestRedirect:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_is_followed_with_the_same_headers(self, start_loopback: LoopbackStarter, status: int) -> None:
        target = start_loopback(OK)
        first = start_loopback(redirect(f"http://{target.address}/real.mp4", status))
        assert fetch(f"http://{first.address}/", Range="bytes=7-") == b"video"
        assert target.received[0].startswith(b"GET /real.mp4 HTTP/1.1\r\n")
        assert b"range: bytes=7-" in target.received[0].lower()

    def test_may_be_relative(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(redirect("../real.mp4"), OK)
        assert fetch(f"http://{server.address}/a/b/0.mp4") == b"video"
        assert server.received[1].startswith(b"GET /a/real.mp4 HTTP/1.1\r\n")

    @pytest.mark.parametrize(
        "location", ["http://127.0.0.1:9/", "http://cdn.example/", "file:///etc/passwd", "http://[::1"]
    )
    def test_is_checked_like_the_link(self, start_loopback: LoopbackStarter, location: str) -> None:
        server = start_loopback(redirect(location))
        links = PublicFetcher(
            ClientSettings(api_key=KEY, base_url=f"http://{server.address}"), resolver=Names(cdn="169.254.169.254")
        )
        with pytest.raises(ForbiddenLinkError):
            fetch(f"http://{server.address}/", links)

    def test_goes_on_for_five_times_at_most(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(*[redirect("/")] * 5, OK)
        assert fetch(f"http://{server.address}/") == b"video"
        circle = start_loopback(*[redirect("/")] * 6)
        with pytest.raises(ForbiddenLinkError, match="redirects more than 5 times"):
            fetch(f"http://{circle.address}/")


class TestProxy:
    def test_of_the_connection_carries_links_and_resolves_their_names(self, start_loopback: LoopbackStarter) -> None:
        proxy = start_loopback(OK)
        settings = replace(SETTINGS, proxy=f"http://{proxy.address}")
        assert fetch("http://cdn.invalid/0.mp4", PublicFetcher(settings)) == b"video"
        assert proxy.received[0].startswith(b"GET http://cdn.invalid/0.mp4 HTTP/1.1\r\n")

    def test_of_the_environment_carries_links_to_the_hosts_that_are_not_excepted(
        self, start_loopback: LoopbackStarter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy, near = start_loopback(OK), start_loopback(OK)
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "near.example")
        links = PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=Names(near="127.0.0.1"))
        assert fetch("http://cdn.invalid/0.mp4", links) == b"video"
        assert fetch(f"http://near.example:{near.address.rpartition(':')[2]}/0.mp4", links) == b"video"
        assert [each.received[0].split()[1] for each in (proxy, near)] == [b"http://cdn.invalid/0.mp4", b"/0.mp4"]

    def test_is_not_asked_for_a_private_host(self, start_loopback: LoopbackStarter) -> None:
        proxy = start_loopback(OK)
        settings = replace(SETTINGS, proxy=f"http://{proxy.address}")
        with pytest.raises(ForbiddenLinkError):
            fetch("http://169.254.169.254/latest/meta-data", PublicFetcher(settings))
        assert proxy.received == []


class Video(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.wfile.write(OK)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class TestCertificate:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[tuple[int, str]]:
        """Return the port of a server whose certificate is for 203.0.113.7, and the bundle to verify it with."""
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
    def test_has_to_be_that_of_the_host_in_the_link(
        self, server: tuple[int, str], host: str, is_accepted: bool
    ) -> None:
        port, bundle = server
        settings = replace(SETTINGS, verify=bundle)
        links = PublicFetcher(settings, allow_private_addresses=True, resolver=lambda *_: ["127.0.0.1"])
        if is_accepted:
            assert fetch(f"https://{host}:{port}/", links) == b"video"
            return
        with pytest.raises(DownloadFailedError, match=r"CERTIFICATE_VERIFY_FAILED.*Hostname mismatch"):
            fetch(f"https://{host}:{port}/", links)
