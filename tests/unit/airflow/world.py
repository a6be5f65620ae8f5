"""
The emulator, a task state store and a clock in one process, without sockets and without waiting.

Each call of a try is one step of the world: a request to the service, or a read or write of the store. So a test can
lose a response, kill the process, or run another try at every step. The emulator's ledger has what was paid.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx

from airflow_provider_seedance.emulator.app import create_app
from airflow_provider_seedance.emulator.faults import read_fault
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.settings import DEFAULT_KEY
from airflow_provider_seedance.emulator.videos import Videos
from airflow_provider_seedance.emulator.wire import ConnectionDroppedError
from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.http.fetch import PublicFetcher
from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger

#: No world sends a video, so all share a store.
_VIDEOS = Videos()
atexit.register(_VIDEOS.close)
_UNKNOWN = {"status": 404, "body": {"code": 404, "message": "prediction not found", "type": "error"}}
#: Submissions that certainly do nothing, by the emulator's fault; ``None`` makes no connection.
REFUSED: dict[str, dict[str, Any] | None] = {
    "no connection": None,
    "rate limit": {"status": 429, "retry_after": 1},
    "refused": {"status": 400},
    "key refused": {"status": 401},
}
#: Submissions whose response does not have the id. The process is killed without a fault.
LOST: dict[str, dict[str, Any] | None] = {
    "dropped before": {"drop": "before"},
    "dropped after": {"drop": "after"},
    "gateway": {"status": 502},
    "gateway, booked": {"status": 502, "book": True},
    "unreadable": {"body": "html", "book": True},
    "cut": {"truncate": True},
    "killed before": None,
    "killed after": None,
}
#: Responses to polls that are wrong about the prediction.
WRONG: dict[str, dict[str, Any]] = {
    "failed": {"answer": "failed"},
    "expired": {"answer": "expired"},
    "unknown": _UNKNOWN,
    "empty": {"answer": "empty-outputs"},
}
#: Responses to polls that say nothing about the prediction.
NOISE: dict[str, dict[str, Any]] = {
    "gateway": {"status": 503},
    "dropped": {"drop": "before"},
    "cut": {"truncate": True},
    "rate limit": {"status": 429},
    "key refused": {"status": 401},
}


class KilledError(BaseException):
    """SIGKILL: the provider must not catch it."""


class StoreError(Exception):
    """The task state store failed, or Airflow refused a write of a try that is not the newest."""


@dataclass
class Post:
    """
    A submission that was not refused.

    :param id: The booked prediction; ``None`` if nothing was booked.
    :param is_answered: Whether the process received the id.
    :param parameters: What the process sent.
    """

    id: str | None
    is_answered: bool
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass
class World:
    """
    Everything that outlives a try, and the faults of the next calls.

    :param refuses_stale: Whether the store refuses the writes, and hides the record, from all but the newest try, as
        Airflow 3.3 does, which gives each try another id.
    :param has_ledger: Whether the record is in a ledger, which all tries read and write, and not in Airflow's store.
    """

    refuses_stale: bool = True
    has_ledger: bool = False
    ledger_settings: LedgerSettings = LedgerSettings(uri="s3://bucket/seedance")  # noqa: RUF009 - it is frozen
    newest_try: int = 0
    now: float = 1_800_000_000.0
    steps: int = 0
    on_step: Callable[[], None] = lambda: None
    on_post: Callable[[Post], None] = lambda _: None
    submits: list[str] = field(default_factory=list)
    polls: list[str] = field(default_factory=list)
    #: Faults of the store's next reads, and of its next writes with the number of steps after which a late one applies.
    reads: list[str] = field(default_factory=list)
    writes: list[tuple[str, int]] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    #: How the next prediction that is polled really ends, and how predictions ended.
    end: str | None = None
    ends: dict[str, str] = field(default_factory=dict)
    wrong: int = 0
    values: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    late: list[tuple[int, int, str, str, bool]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = Service(clock=self.time)
        self._app = create_app(self.service, _VIDEOS)
        self.refuses_stale = self.refuses_stale and not self.has_ledger

    def state_store(self) -> TryStore | None:
        """Return the task state store of the newest try; Airflow below 3.3 has none, and with a ledger none is used."""
        return None if self.has_ledger else TryStore(self, self.newest_try)

    @property
    def record(self) -> str:
        """The record that the next try goes on with, as text."""
        if not self.has_ledger:
            return "".join(self.values.values())
        names = sorted((name for name in self.values if name.startswith("generations/")), reverse=True)
        entries = (json.loads(self.values[name]) for name in names)
        return next((json.dumps(entry["record"]) for entry in entries if entry["state"] != "refused"), "")

    def time(self) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def step(self) -> None:
        """Let something else happen before a call, and apply the late writes that are due."""
        self.on_step()
        self.steps += 1
        for write in [each for each in self.late if each[0] <= self.steps]:
            self.late.remove(write)
            if not self.is_stale(write[1]):
                self.apply(*write[2:4], is_exclusive=write[4])

    def is_stale(self, number: int) -> bool:
        return self.refuses_stale and number != self.newest_try

    def apply(self, key: str, text: str, *, is_exclusive: bool = False) -> None:
        if not (is_exclusive and key in self.values):
            self.values[key] = text
            self.written.append(text)

    def write(self, number: int, key: str, text: str, *, is_exclusive: bool = False) -> None:
        """Write to the store, or fail, or die, as the next fault says; the write may be applied later."""
        fault, delay = self.writes.pop(0) if self.writes else ("applied", 0)
        if "applied" in fault:
            self.apply(key, text)
        if "late" in fault:
            self.late.append((self.steps + delay, number, key, text, is_exclusive))
        if "killed" in fault:
            raise KilledError
        if fault != "applied":
            raise StoreError("the API server is away: set")

    @property
    def ledger(self) -> dict[str, Any]:
        """The booked predictions by id, oldest first."""
        return {each["id"]: each for each in self.service.ledger.to_json(self.now)["submissions"]}

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.step()
        return self._submit(request) if request.method == "POST" else self._poll(request)

    def _submit(self, request: httpx.Request) -> httpx.Response:
        name = self.submits.pop(0) if self.submits else "accepted"
        if name == "no connection":
            raise httpx.ConnectError("refused", request=request)
        before = set(self.ledger)
        try:
            if name == "killed before":
                raise KilledError
            response = self._emulate(request, REFUSED.get(name) or LOST.get(name))
            if name == "killed after":
                raise KilledError
            return response
        finally:
            if name not in REFUSED:
                booked = next(iter(set(self.ledger) - before), None)
                self.on_post(Post(booked, name == "accepted", json.loads(request.content)))

    def _poll(self, request: httpx.Request) -> httpx.Response:
        prediction_id = request.url.path.split("/")[-2]
        if self.end == "unknown" or (self.end and not self.ledger[prediction_id]["delivered"]):
            self.ends.setdefault(prediction_id, self.end)
            self.end = None
        name = self.polls.pop(0) if self.polls else None
        if name == "killed":
            raise KilledError
        # A failure is believed after three responses, so two wrong ones in a try must not matter.
        if name in WRONG and self.wrong < 2 and prediction_id not in self.ends:
            self.wrong += 1
            return self._emulate(request, WRONG[name])
        return self._emulate(request, NOISE.get(name or "") or WRONG.get(self.ends.get(prediction_id, "")))

    def _emulate(self, request: httpx.Request, fault: dict[str, Any] | None) -> httpx.Response:
        self.service.faults.clear()
        endpoint = "submit" if request.method == "POST" else "result"
        if fault is not None:
            self.service.faults.add([read_fault({"endpoint": endpoint, **fault})])
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": request.content}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": request.method,
            "path": request.url.path,
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
        try:
            # It never waits, so it needs no event loop.
            self._app(scope, receive, send).send(None)
        except StopIteration:
            content = b"".join(each.get("body", b"") for each in sent)
            return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)
        except ConnectionDroppedError:
            raise httpx.ReadError("dropped", request=request) from None
        raise AssertionError("the emulator waited")


@dataclass
class TryStore:
    """The task state store of one try."""

    world: World
    number: int

    def get(self, key: str, default: Any = None) -> Any:
        self.world.step()
        if self.world.reads and self.world.reads.pop(0) == "fails":
            raise StoreError("the API server is away: get")
        if self.world.is_stale(self.number) or key not in self.world.values:
            return default
        return json.loads(self.world.values[key])

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.world.step()
        if self.world.is_stale(self.number):
            raise StoreError("404: the task instance is not found")
        self.world.write(self.number, key, json.dumps(value))


class WorldLedger(Store):
    """
    An object store: what was written is listed and read at once, and nothing else is promised.

    :param world: Its objects are the world's values.
    """

    def __init__(self, world: World) -> None:
        super().__init__("s3://bucket/seedance")
        self._world = world

    def _create(self, name: str, data: bytes) -> None:
        self._world.step()
        if name in self._world.values:
            raise FileExistsError(name)
        self._world.write(0, name, data.decode(), is_exclusive=True)

    def _replace(self, name: str, data: bytes) -> None:
        # Without a budget, nothing reads a reservation.
        if not name.startswith("reservations/"):
            self._world.step()
        self._world.write(0, name, data.decode())

    def _read(self, name: str) -> bytes:
        self._step_to_read()
        if name not in self._world.values:
            raise FileNotFoundError(name)
        return self._world.values[name].encode()

    def _names(self, folder: str) -> list[str]:
        self._step_to_read()
        below = [name.removeprefix(f"{folder}/") for name in self._world.values if name.startswith(f"{folder}/")]
        return list({name.partition("/")[0] for name in below})

    def _delete(self, name: str) -> None:
        self._world.step()
        if self._world.deletes and self._world.deletes.pop(0) == "fails":
            raise StoreError("the store is away: delete")
        self._world.values.pop(name, None)

    def _step_to_read(self) -> None:
        self._world.step()
        if self._world.reads and self._world.reads.pop(0) == "fails":
            raise StoreError("the store is away: get")


class Operator(SeedanceTextToVideoOperator):
    """An operator whose log a test reads."""

    log = logging.getLogger("seedance.tries")  # type: ignore[assignment]


class _Collect(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextmanager
def connected(world: World, *, open_store: Callable[[str], Store] | None = None) -> Iterator[None]:
    """
    Connect every client and clock to a world.

    :param open_store: Opens the ledger; ``None`` opens the world's.
    """
    ledger = world.ledger_settings if world.has_ledger else None
    settings = ClientSettings(api_key=DEFAULT_KEY, base_url="https://gptproto.example", verify=False, ledger=ledger)
    transport = httpx.MockTransport(world.handle)

    def get_settings(hook: SeedanceHook) -> ClientSettings:
        return settings

    def get_client(hook: SeedanceHook, settings: ClientSettings) -> GPTProtoClient:
        return GPTProtoClient(settings, transport=transport, clock=world.time, sleep=world.sleep)

    async def aget_settings(hook: SeedanceHook) -> ClientSettings:
        return settings

    def get_async_client(hook: SeedanceHook, settings: ClientSettings, *, log: Log) -> AsyncGPTProtoClient:
        return AsyncGPTProtoClient(settings, transport=transport, clock=world.time, sleep=world.sleep_async)

    def get_link(*_: object, **__: object) -> AbstractContextManager[Any]:
        # The links of a delivered video work.
        return nullcontext(SimpleNamespace(status=206))

    collect = _Collect(world.logged)
    with ExitStack() as stack:
        for name, replacement in (("time.time", world.time), ("time.sleep", world.sleep)):
            stack.enter_context(mock.patch(name, replacement))
        for function in (get_settings, get_client, aget_settings, get_async_client):
            stack.enter_context(mock.patch.object(SeedanceHook, function.__name__, function))
        stack.enter_context(mock.patch.object(SeedancePredictionTrigger, "MINIMUM_SECONDS", 0.0))
        ledger_store = open_store or (lambda _: WorldLedger(world))
        stack.enter_context(mock.patch("airflow_provider_seedance.ledger.store.open_store", ledger_store))
        stack.enter_context(mock.patch.object(PublicFetcher, "get", get_link))
        stack.enter_context(mock.patch.object(Operator.log, "level", logging.INFO))
        # Airflow's handler formats each line for a terminal.
        stack.enter_context(mock.patch.object(Operator.log, "propagate", new=False))
        Operator.log.addHandler(collect)
        stack.callback(Operator.log.removeHandler, collect)
        yield
