"""What no test may do is noticed, and so is what code under test makes of it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest

from tests.conftest import pytest_runtest_teardown
from tests.network import NetworkError, take_refused
from tests.sleeping import NAP

LONG = NAP + 0.01
#: An address of the block for documentation, RFC 5737.
ELSEWHERE = "192.0.2.1"


def connect(host: str) -> None:
    with socket.socket() as contact:
        contact.connect((host, 9))


def connect_without_an_exception(host: str) -> None:
    with socket.socket() as contact:
        contact.connect_ex((host, 9))


def send(host: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as contact:
        contact.sendto(b"", (host, 9))


def open_connection(host: str) -> None:
    asyncio.run(asyncio.open_connection(host, 9))


def ask(host: str) -> None:
    httpx.get(f"http://{host}:9/", trust_env=False)


def look_up(host: str) -> None:
    socket.gethostbyname(host)


class TestNetwork:
    @pytest.mark.parametrize("contact", [connect, connect_without_an_exception, send, open_connection, ask])
    def test_beyond_this_host_is_out_of_reach(self, contact: Callable[[str], None]) -> None:
        with pytest.raises(NetworkError, match=ELSEWHERE):
            contact(ELSEWHERE)
        assert take_refused() != []

    @pytest.mark.parametrize("contact", [look_up, open_connection, ask])
    def test_name_servers_are_not_asked(self, contact: Callable[[str], None]) -> None:
        with pytest.raises(NetworkError, match=r"gptproto\.com"):
            contact("gptproto.com")
        assert take_refused() != []

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost"])
    def test_this_host_is_in_reach(self, host: str) -> None:
        with socket.create_server((host, 0)) as listener, socket.create_connection(listener.getsockname()) as contact:
            assert contact.getpeername() == listener.getsockname()

    def test_so_are_its_own_sockets(self) -> None:
        with socket.socket(socket.AF_UNIX) as contact, pytest.raises(FileNotFoundError):
            contact.connect("/no/such/socket")

    def test_a_domain_that_cannot_be_there_is_not_found(self) -> None:
        with pytest.raises(socket.gaierror):
            look_up("gptproto.invalid")

    def test_a_refusal_that_is_survived_fails_the_test(self, request: pytest.FixtureRequest) -> None:
        with suppress(NetworkError):
            connect(ELSEWHERE)
        with pytest.raises(AssertionError, match="beyond this host"):
            end(request.node)


class TestSleep:
    def test_fails_the_test(self, request: pytest.FixtureRequest) -> None:
        time.sleep(LONG)
        with pytest.raises(AssertionError, match="slept"):
            end(request.node)

    async def test_on_an_event_loop_fails_the_test(self, request: pytest.FixtureRequest) -> None:
        await asyncio.sleep(LONG)
        with pytest.raises(AssertionError, match="slept"):
            end(request.node)

    @pytest.mark.real_time("what the mark is for")
    def test_with_a_reason_is_let_pass(self, request: pytest.FixtureRequest) -> None:
        time.sleep(LONG)
        end(request.node)

    def test_of_a_server_beside_the_test_does_not_count(self, request: pytest.FixtureRequest) -> None:
        server = threading.Thread(target=time.sleep, args=(LONG,))
        server.start()
        server.join()
        end(request.node)


def end(item: pytest.Item) -> None:
    """Do what is done at the end of a test."""
    over = pytest_runtest_teardown(item)
    next(over)
    with suppress(StopIteration):
        next(over)
