"""The guards against network access and sleeps, also if the code under test catches their error."""

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
from tests.sleeping import LONGEST_SLEEP

LONG = LONGEST_SLEEP + 0.01
#: An address of the block for documentation, RFC 5737.
OTHER_HOST = "192.0.2.1"


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


def send_http(host: str) -> None:
    httpx.get(f"http://{host}:9/", trust_env=False)


def resolve(host: str) -> None:
    socket.gethostbyname(host)


class TestNetwork:
    @pytest.mark.parametrize("contact", [connect, connect_without_an_exception, send, open_connection, send_http])
    def test_connections_to_other_hosts_are_refused(self, contact: Callable[[str], None]) -> None:
        with pytest.raises(NetworkError, match=OTHER_HOST):
            contact(OTHER_HOST)
        assert take_refused() != []

    @pytest.mark.parametrize("contact", [resolve, open_connection, send_http])
    def test_lookups_of_other_names_are_refused(self, contact: Callable[[str], None]) -> None:
        with pytest.raises(NetworkError, match=r"gptproto\.com"):
            contact("gptproto.com")
        assert take_refused() != []

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost"])
    def test_connections_to_this_host_are_allowed(self, host: str) -> None:
        with socket.create_server((host, 0)) as listener, socket.create_connection(listener.getsockname()) as contact:
            assert contact.getpeername() == listener.getsockname()

    def test_unix_sockets_are_allowed(self) -> None:
        with socket.socket(socket.AF_UNIX) as contact, pytest.raises(FileNotFoundError):
            contact.connect("/no/such/socket")

    def test_invalid_domain_is_not_found(self) -> None:
        with pytest.raises(socket.gaierror):
            resolve("gptproto.invalid")

    def test_caught_refusal_fails_the_test(self, request: pytest.FixtureRequest) -> None:
        with suppress(NetworkError):
            connect(OTHER_HOST)
        with pytest.raises(AssertionError, match="accessed a host other than this one"):
            tear_down(request.node)


class TestSleep:
    def test_sleep_fails_the_test(self, request: pytest.FixtureRequest) -> None:
        time.sleep(LONG)
        with pytest.raises(AssertionError, match="slept"):
            tear_down(request.node)

    async def test_sleep_on_an_event_loop_fails_the_test(self, request: pytest.FixtureRequest) -> None:
        await asyncio.sleep(LONG)
        with pytest.raises(AssertionError, match="slept"):
            tear_down(request.node)

    @pytest.mark.real_time("tests the mark itself")
    def test_sleep_with_real_time_mark_is_allowed(self, request: pytest.FixtureRequest) -> None:
        time.sleep(LONG)
        tear_down(request.node)

    def test_sleep_in_another_thread_does_not_count(self, request: pytest.FixtureRequest) -> None:
        server = threading.Thread(target=time.sleep, args=(LONG,))
        server.start()
        server.join()
        tear_down(request.node)


def tear_down(item: pytest.Item) -> None:
    """Run the teardown hook of a test."""
    hook = pytest_runtest_teardown(item)
    next(hook)
    with suppress(StopIteration):
        next(hook)
