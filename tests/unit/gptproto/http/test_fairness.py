"""Many waits of one connection on a virtual clock: none starves, and every deadline holds."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.emulator.service import Bucket
from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient
from airflow_provider_seedance.gptproto.errors import SeedanceError, WaitTimeoutError
from airflow_provider_seedance.gptproto.http import transport
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.virtual_time import START, run_virtually

SETTINGS = ClientSettings(api_key="sk-test", base_url="http://127.0.0.1:9")
NEVER = 1e12
#: Seconds after the deadline in which a wait must have ended.
LATE = 5.0


@dataclass
class Service:
    """A service that knows when each generation ends, with the latency and rate limit given."""

    latency: float = 0.05
    allowed: float | None = None
    ends: dict[str, float] = field(default_factory=dict)
    polls: int = 0
    refused: int = 0
    _bucket: Bucket = field(default_factory=Bucket)

    def name_generation(self, ends_at: float) -> str:
        name = f"{len(self.ends):032x}"
        self.ends[name] = ends_at
        return name

    async def reply(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        self.polls += 1
        await asyncio.sleep(self.latency)
        if self._bucket.take(self.allowed, now):
            self.refused += 1
            return httpx.Response(429, headers={"Retry-After": "1"})
        prediction_id = request.url.path.split("/")[-2]
        is_done = now >= self.ends[prediction_id]
        data: dict[str, Any] = {"id": prediction_id, "status": "succeeded" if is_done else "running", "outputs": []}
        if is_done:
            data["outputs"] = ["https://cdn.example/0.mp4"]
        return httpx.Response(200, content=json.dumps({"data": data, "code": 200}))


@dataclass(frozen=True)
class Ended:
    """
    A wait that ended.

    :param found: Whether it found its video.
    :param at: When it ended.
    """

    found: bool
    at: float


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(transport, "open_transport", lambda *args, **options: httpx.MockTransport(service.reply))
    return service


async def wait(service: Service, *, ends_at: float, **times: Any) -> Ended:
    """Wait for a generation, with the shared pool and the real schedule."""
    clock = asyncio.get_running_loop().time
    defaults = {"submitted_at": START, "deadline": START + 3600.0, "expected_seconds": 75.0, "phase": 0.0}
    source = random.Random(len(service.ends))  # noqa: S311 - jitter is no secret
    poller = Poller(prediction_id=service.name_generation(ends_at), random=source, **{**defaults, **times})
    async with AsyncGPTProtoClient(SETTINGS, clock=clock, log=logging.getLogger("silent")) as client:
        try:
            await client.wait(poller)
        except WaitTimeoutError:
            return Ended(False, clock())
        return Ended(True, clock())


class TestStuckPredictions:
    """700 predictions that never end, and 50 that do: a round at 20 polls a second takes 37.5 s."""

    def run(self, service: Service, stuck: dict[str, Any]) -> tuple[list[Ended], list[Ended]]:
        async def all_waits() -> list[Ended]:
            old = [
                wait(service, ends_at=NEVER, submitted_at=START - 900.0, deadline=START + 150.0 + number / 20, **stuck)
                for number in range(700)
            ]
            new = [wait(service, ends_at=START + 60.0 + number) for number in range(50)]
            return await asyncio.gather(*old, *new)

        ended = run_virtually(all_waits())
        return ended[:700], ended[700:]

    @pytest.mark.parametrize("stuck", [{}, {"poll_interval": 1.0}], ids=["schedule", "every second"])
    def test_finished_generations_are_found_within_two_rounds(self, service: Service, stuck: dict[str, Any]) -> None:
        _, new = self.run(service, stuck)
        assert all(each.found for each in new)
        assert max(each.at - (START + 60.0 + number) for number, each in enumerate(new)) <= 75.0

    @pytest.mark.parametrize("stuck", [{}, {"poll_interval": 1.0}], ids=["schedule", "every second"])
    def test_deadlines_are_kept(self, service: Service, stuck: dict[str, Any]) -> None:
        old, _ = self.run(service, stuck)
        assert not any(each.found for each in old)
        late = [each.at - (START + 150.0 + number / 20) for number, each in enumerate(old)]
        assert min(late) >= 0.0
        assert max(late) <= LATE


class TestDeadline:
    def test_common_deadline_of_many_waits_is_kept(self, service: Service) -> None:
        async def all_waits() -> list[Ended]:
            waits = (wait(service, ends_at=NEVER, deadline=START + 100.0, poll_interval=5.0) for _ in range(1000))
            return await asyncio.gather(*waits)

        ended = run_virtually(all_waits())
        assert {each.found for each in ended} == {False}
        assert max(each.at for each in ended) <= START + 100.0 + LATE

    def test_last_poll_goes_before_the_queue(self, service: Service) -> None:
        async def all_waits() -> Ended:
            crowd = [asyncio.create_task(wait(service, ends_at=NEVER, poll_interval=1.0)) for _ in range(1000)]
            # It ends a second before the deadline, and the queue is 50 s long.
            last = await wait(service, ends_at=START + 99.0, deadline=START + 100.0)
            for each in crowd:
                each.cancel()
            await asyncio.wait(crowd)
            return last

        last = run_virtually(all_waits())
        assert last.found
        assert last.at <= START + 100.0 + LATE

    @pytest.mark.parametrize("retry_after", ["86400", "1e9", "Fri, 31 Dec 9999 23:59:59 GMT"])
    @pytest.mark.parametrize("status", [429, 503])
    def test_deadline_holds_after_any_retry_after(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, status: int, retry_after: str
    ) -> None:
        async def refuse(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, headers={"Retry-After": retry_after})

        monkeypatch.setattr(transport, "open_transport", lambda *args, **options: httpx.MockTransport(refuse))
        ended = run_virtually(wait(service, ends_at=NEVER, deadline=START + 25.0, expected_seconds=10.0))
        assert ended.at <= START + 25.0 + LATE

    @pytest.mark.parametrize("fails_at", [0.0, 91.0, 99.0, 100.0])
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, {"data": {"status": "failed"}, "code": 200}),
            (200, {"data": {"status": "succeeded", "outputs": []}, "code": 200}),
            (404, {"error": {"message": "no such prediction", "type": "404"}}),
            (400, {"error": {"message": "Content blocked due to safety concerns", "type": "503"}}),
        ],
        ids=["failed", "empty", "not found", "refused"],
    )
    def test_failure_is_not_confirmed_beyond_the_deadline(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, fails_at: float, status: int, body: dict[str, Any]
    ) -> None:
        async def fail(request: httpx.Request) -> httpx.Response:
            if asyncio.get_running_loop().time() < START + fails_at:
                return await service.reply(request)
            return httpx.Response(status, content=json.dumps(body))

        async def late_wait() -> tuple[float, bool]:
            try:
                await wait(service, ends_at=NEVER, deadline=START + 100.0)
            except SeedanceError:
                return asyncio.get_running_loop().time(), True
            return asyncio.get_running_loop().time(), False

        monkeypatch.setattr(transport, "open_transport", lambda *args, **options: httpx.MockTransport(fail))
        ended_at, is_believed = run_virtually(late_wait())
        assert ended_at <= START + 100.0 + LATE
        # It takes ten seconds at least.
        assert is_believed == (fails_at == 0.0)

    def test_response_that_never_comes_ends_with_the_wait(self, service: Service) -> None:
        service.latency = NEVER
        ended = run_virtually(wait(service, ends_at=NEVER, deadline=START + 100.0))
        assert START + 100.0 <= ended.at <= START + 100.0 + LATE


class TestSlowResponses:
    def test_responses_that_never_come_do_not_block_other_waits(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # More than there are connections, with a timeout of 60 s each.
        slow = {f"{number:032x}" for number in range(200)}
        at_once = service.reply

        async def reply(request: httpx.Request) -> httpx.Response:
            if request.url.path.split("/")[-2] in slow:
                await asyncio.sleep(NEVER)
            return await at_once(request)

        async def all_waits() -> list[Ended]:
            stuck = [wait(service, ends_at=NEVER, deadline=START + 300.0) for _ in slow]
            healthy = [wait(service, ends_at=START + 60.0) for _ in range(50)]
            return await asyncio.gather(*stuck, *healthy)

        monkeypatch.setattr(transport, "open_transport", lambda *args, **options: httpx.MockTransport(reply))
        ended = run_virtually(all_waits())
        assert max(each.at for each in ended[:200]) <= START + 300.0 + LATE
        assert all(each.found for each in ended[200:])
        assert max(each.at for each in ended[200:]) <= START + 60.0 + 75.0


class TestThrottledService:
    def test_thousand_waits_at_a_tenth_of_the_rate_all_find_their_video(self, service: Service) -> None:
        service.allowed = 10.0

        async def all_waits() -> list[Ended]:
            return await asyncio.gather(*(wait(service, ends_at=START + 90.0 + n / 200) for n in range(1000)))

        ended = run_virtually(all_waits())
        assert all(each.found for each in ended)
        delays = [each.at - (START + 90.0 + number / 200) for number, each in enumerate(ended)]
        assert service.refused <= 0.02 * service.polls
        # One poll of each takes 1000 / 10 = 100 s.
        assert sum(delays) / len(delays) <= 100.0
