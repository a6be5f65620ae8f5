"""The shared connection pool of an event loop, tested with a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError, NotConnectedError, RateLimitError
from airflow_provider_seedance.gptproto.http.transport import ConnectionPool, proxy_for, shared_pool
from airflow_provider_seedance.gptproto.settings import ClientSettings

BODY = json.dumps({"data": {"id": "abc", "status": "running"}, "code": 200}).encode()
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@dataclass
class Server:
    """A server that responds once ``may_respond`` is set, and counts."""

    url: str = ""
    connections: int = 0
    open_connections: int = 0
    waiting: int = 0
    most_waiting: int = 0
    #: Responses before the default response.
    responses: list[bytes] = field(default_factory=list)
    may_respond: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.count(connections=1, open_connections=1)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self.count(waiting=1)
                await self.may_respond.wait()
                await self.count(waiting=-1)
                writer.write(self.responses.pop(0) if self.responses else RESPONSE)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await self.count(open_connections=-1)
            writer.close()

    async def count(self, **steps: int) -> None:
        async with self.changed:
            for name, step in steps.items():
                setattr(self, name, getattr(self, name) + step)
            self.most_waiting = max(self.most_waiting, self.waiting)
            self.changed.notify_all()

    async def until(self, name: str, value: int) -> None:
        """Wait until a count has a value."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: getattr(self, name) == value)


@asynccontextmanager
async def running_server() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server


def settings_for(server: Server, key: str = "sk-test") -> ClientSettings:
    return ClientSettings(api_key=key, base_url=server.url, polls_per_second=1e6)


class TestSharedPool:
    async def test_thousand_waits_need_32_connections(self) -> None:
        async with running_server() as server:

            async def wait() -> str:
                async with AsyncGPTProtoClient(settings_for(server)) as client:
                    first = await client.get_prediction("abc")
                    again = await client.get_prediction("abc")
                    return f"{first.status} {again.status}"

            waits = [asyncio.create_task(wait()) for _ in range(1000)]
            await server.until("waiting", 32)
            server.may_respond.set()
            assert set(await asyncio.gather(*waits)) == {"running running"}

            assert server.most_waiting <= 32
            assert server.connections == 32

    async def test_pool_closes_after_its_last_user(self) -> None:
        async with running_server() as server:
            server.may_respond.set()
            settings = settings_for(server)
            async with AsyncGPTProtoClient(settings) as staying:
                async with AsyncGPTProtoClient(settings) as leaving:
                    await leaving.get_prediction("abc")
                await staying.get_prediction("abc")
                assert (server.connections, server.open_connections) == (1, 1)
            await server.until("open_connections", 0)

            async with AsyncGPTProtoClient(settings) as later:
                await later.get_prediction("abc")
            assert server.connections == 2

    async def test_429_holds_for_users_after_the_last_one(self) -> None:
        async with running_server() as server:
            server.may_respond.set()
            server.responses.append(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 2\r\n\r\n{}")
            settings = settings_for(server)
            async with AsyncGPTProtoClient(settings) as client:
                with pytest.raises(RateLimitError):
                    await client.get_prediction("abc")
            async with AsyncGPTProtoClient(settings) as later:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(later.get_prediction("abc"), 0.1)
            assert server.connections == 1

    async def test_other_key_has_another_pool(self) -> None:
        async with running_server() as server:
            one, other = settings_for(server, "sk-one"), settings_for(server, "sk-other")
            async with (
                shared_pool(one) as first,
                shared_pool(other) as second,
                shared_pool(one) as third,
            ):
                assert first is third
                assert first is not second

    def test_other_event_loop_has_another_pool(self) -> None:
        pools: list[ConnectionPool] = []

        async def poll() -> str:
            async with running_server() as server:
                server.may_respond.set()
                # Both loops need the same settings, so this URL is not that of the server.
                settings = ClientSettings(api_key="sk-test", base_url="http://127.0.0.1:9")
                async with shared_pool(settings) as pool, AsyncGPTProtoClient(settings_for(server)) as client:
                    pools.append(pool)
                    return (await client.get_prediction("abc")).status

        assert [asyncio.run(poll()), asyncio.run(poll())] == ["running", "running"]
        assert pools[0] is not pools[1]

    @pytest.mark.parametrize("host", ["a..b", "xn--"])
    async def test_invalid_settings_fail_for_each_client(self, host: str) -> None:
        settings = ClientSettings(api_key="sk-test", base_url=f"https://{host}")
        for _ in range(2):
            with pytest.raises(ConnectionSettingsError):
                async with AsyncGPTProtoClient(settings):
                    pass


class TestCancellation:
    async def test_cancelled_wait_frees_its_connection(self) -> None:
        async with running_server() as server:
            settings = settings_for(server)

            async def poll() -> str:
                async with AsyncGPTProtoClient(settings) as client:
                    return (await client.get_prediction("abc")).status

            async with AsyncGPTProtoClient(settings):
                cancelled = [asyncio.create_task(poll()) for _ in range(40)]
                await server.until("waiting", 32)
                for each in cancelled:
                    each.cancel()
                await asyncio.gather(*cancelled, return_exceptions=True)
                server.may_respond.set()
                assert set(await asyncio.gather(*(poll() for _ in range(40)))) == {"running"}

    async def test_thousand_cancelled_requests_leak_no_connection(self) -> None:
        async with running_server() as server:
            server.may_respond.set()
            settings = settings_for(server)

            async def poll() -> str:
                async with AsyncGPTProtoClient(settings) as client:
                    return (await client.get_prediction("abc")).status

            async with AsyncGPTProtoClient(settings):
                for number in range(50):
                    tasks = [asyncio.create_task(poll()) for _ in range(20)]
                    # Cancel at a different point of the request each time.
                    for _ in range(number):
                        await asyncio.wait(tasks, timeout=0)
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
                async with asyncio.timeout(10):
                    assert set(await asyncio.gather(*(poll() for _ in range(200)))) == {"running"}
                assert server.open_connections <= 32
            await server.until("open_connections", 0)

    async def test_client_outside_its_block_raises(self) -> None:
        async with running_server() as server:
            client = AsyncGPTProtoClient(settings_for(server))
            with pytest.raises(RuntimeError, match=r"^Use an asynchronous client in an `async with` block$"):
                await client.get_prediction("abc")
            async with client:
                pass
            with pytest.raises(RuntimeError, match=r"^Use an asynchronous client in an `async with` block$"):
                await client.get_prediction("abc")


class TestRateLimit:
    async def test_429_delays_all_clients(self) -> None:
        async with running_server() as server:
            server.may_respond.set()
            server.responses = [b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0.3\r\nContent-Length: 0\r\n\r\n"]
            loop = asyncio.get_running_loop()

            async def poll() -> float:
                async with AsyncGPTProtoClient(settings_for(server)) as client:
                    await client.get_prediction("abc")
                    return loop.time()

            async with AsyncGPTProtoClient(settings_for(server)) as client:
                started_at = loop.time()
                with pytest.raises(RateLimitError):
                    await client.get_prediction("abc")
                assert min(await asyncio.gather(*(poll() for _ in range(20)))) - started_at >= 0.3

    async def test_request_that_waits_for_a_connection_is_not_sent_after_a_429(self) -> None:
        throttled = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"
        async with running_server() as server, AsyncGPTProtoClient(settings_for(server)) as client:
            server.responses = [throttled] * 32
            polls = [asyncio.create_task(client.get_prediction("abc")) for _ in range(40)]
            await server.until("waiting", 32)
            server.may_respond.set()
            await asyncio.wait(polls[:32], timeout=10)
            done, pending = await asyncio.wait(polls, timeout=0.1)
            assert {type(each.exception()) for each in done} == {RateLimitError}
            assert (len(done), len(pending), server.responses) == (32, 8, [])
            for each in pending:
                each.cancel()
            await asyncio.gather(*pending, return_exceptions=True)


class TestReplacedTransport:
    """A client whose network a test replaces: it has no rate limit, so that nothing waits in real time."""

    @staticmethod
    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": "60"})

    async def test_429_delays_no_later_request(self) -> None:
        settings = ClientSettings(api_key="sk-test", base_url="https://gptproto.example")
        async with (
            AsyncGPTProtoClient(settings, transport=httpx.MockTransport(self.refuse)) as client,
            asyncio.timeout(5),
        ):
            for _ in range(2):
                with pytest.raises(RateLimitError):
                    await client.get_prediction("abc")

    async def test_client_cannot_be_opened_twice(self) -> None:
        settings = ClientSettings(api_key="sk-test", base_url="https://gptproto.example")
        client = AsyncGPTProtoClient(settings, transport=httpx.MockTransport(self.refuse))
        for _ in range(2):
            async with client:
                with pytest.raises(RuntimeError, match="open already"):
                    await client.__aenter__()


class TestEnvironmentProxy:
    @pytest.fixture
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        return monkeypatch

    async def connections_to_proxy(self, environment: pytest.MonkeyPatch, **variables: str) -> int:
        """Poll a host that does not exist, and return the proxy's connections; ``{}`` stands for its address."""
        async with running_server() as proxy:
            proxy.may_respond.set()
            for name, value in variables.items():
                environment.setenv(name, value.format(proxy.url.removeprefix("http://")))
            async with AsyncGPTProtoClient(
                ClientSettings(api_key="sk-test", base_url="http://gptproto.invalid")
            ) as client:
                try:
                    assert (await client.get_prediction("abc")).status == "running"
                except NotConnectedError:
                    assert proxy.connections == 0
            return proxy.connections

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    @pytest.mark.parametrize("address", ["http://{}", "{}"])
    async def test_environment_proxy_is_used(self, environment: pytest.MonkeyPatch, name: str, address: str) -> None:
        assert await self.connections_to_proxy(environment, **{name: address}) == 1

    @pytest.mark.parametrize("hosts", ["*", "gptproto.invalid", ".invalid", "other.example, gptproto.invalid"])
    async def test_no_proxy_bypasses_the_environment_proxy(self, environment: pytest.MonkeyPatch, hosts: str) -> None:
        assert await self.connections_to_proxy(environment, http_proxy="http://{}", no_proxy=hosts) == 0

    @pytest.mark.parametrize(
        ("host", "entry", "is_direct"),
        [
            ("10.1.2.3:3000", "10.0.0.0/8", True),
            ("10.1.2.3", "other.example, 10.1.2.3 ,10.9.0.0/16", True),
            ("10.1.2.3", "10.1.2.99/24", True),
            ("11.1.2.3", "10.0.0.0/8", False),
            ("10.example", "10.0.0.0/8", False),
            ("[::1]:8765", "::1", True),
            ("[::1]:8765", "[::1]", True),
            ("[fd00::7]", "fd00::/8", True),
            ("[2001:db8::7]", "fd00::/8, 10.0.0.0/8", False),
            ("10.1.2.3", "10.0.0.0/99, 10.1.2, /8", False),
        ],
    )
    def test_no_proxy_takes_addresses_and_networks(
        self, environment: pytest.MonkeyPatch, host: str, entry: str, is_direct: bool
    ) -> None:
        """https://curl.se/libcurl/c/CURLOPT_NOPROXY.html; https://github.com/psf/requests/issues/6313."""
        environment.setenv("HTTP_PROXY", "http://proxy.example:3128")
        environment.setenv("NO_PROXY", entry)
        settings = ClientSettings(api_key="sk-test", base_url=f"http://{host}")
        assert proxy_for(settings, settings.base_url) == (None if is_direct else "http://proxy.example:3128")

    async def test_environment_proxy_applies_to_its_scheme_only(self, environment: pytest.MonkeyPatch) -> None:
        assert await self.connections_to_proxy(environment, https_proxy="http://{}") == 0
