"""The settings cache: one lookup of the connection serves all triggers that start together."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from airflow_provider_seedance.gptproto.errors import (
    ConnectionNotFoundError,
    ConnectionSettingsError,
    ConnectionUnavailableError,
)
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.triggers.settings_cache import settings_in_time, shared_settings
from tests.virtual_time import START, run_virtually


@dataclass
class FakeHook:
    """A hook whose lookups return another key each, once ``may_return`` is set."""

    seedance_conn_id: str = "seedance_default"
    lookups: int = 0
    fails: bool = False
    may_return: asyncio.Event = field(default_factory=asyncio.Event)

    async def aget_settings(self) -> ClientSettings:
        self.lookups += 1
        key = f"sk-{self.lookups}"
        await self.may_return.wait()
        if self.fails:
            raise ConnectionSettingsError("no such connection")
        return ClientSettings(api_key=key)


@pytest.fixture
def hook() -> FakeHook:
    return FakeHook()


async def key_of(hook: Any, not_before: float = 0.0) -> str:
    return (await shared_settings(cast(SeedanceHook, hook), not_before=not_before)).api_key


async def test_thousand_concurrent_triggers_share_one_lookup(hook: FakeHook) -> None:
    tasks = [asyncio.create_task(key_of(hook)) for _ in range(1000)]
    await asyncio.sleep(0)
    hook.may_return.set()
    assert set(await asyncio.gather(*tasks)) == {"sk-1"}
    assert await key_of(hook) == "sk-1"


async def test_older_entry_is_looked_up_again_once(hook: FakeHook) -> None:
    hook.may_return.set()
    assert await key_of(hook) == "sk-1"
    refused_at = asyncio.get_running_loop().time()
    keys = await asyncio.gather(*(key_of(hook, not_before=refused_at) for _ in range(10)))
    assert set(keys) == {"sk-2"}


async def test_each_connection_has_its_own_lookup(hook: FakeHook) -> None:
    hook.may_return.set()
    other = FakeHook("other", lookups=7, may_return=hook.may_return)
    assert [await key_of(hook), await key_of(other), await key_of(hook)] == ["sk-1", "sk-8", "sk-1"]


async def test_failed_lookup_is_not_cached(hook: FakeHook) -> None:
    hook.may_return.set()
    hook.fails = True
    failures = await asyncio.gather(*(key_of(hook) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failures] == [ConnectionSettingsError] * 3
    hook.fails = False
    assert await key_of(hook) == "sk-2"


async def test_cancelled_trigger_does_not_cancel_the_shared_lookup(hook: FakeHook) -> None:
    first, second = (asyncio.create_task(key_of(hook)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    hook.may_return.set()
    assert await second == "sk-1"


def test_each_event_loop_has_its_own_lookup() -> None:
    async def lookup() -> tuple[str, int]:
        hook = FakeHook()
        hook.may_return.set()
        return await key_of(hook), hook.lookups

    assert [asyncio.run(lookup()) for _ in range(2)] == [("sk-1", 1), ("sk-1", 1)]


@dataclass
class FailingHook:
    """A hook whose lookups raise an error until a time of the virtual clock."""

    error: Exception
    until: float = START + 1e9
    seedance_conn_id: str = "seedance_default"
    lookups: int = 0

    async def aget_settings(self) -> ClientSettings:
        self.lookups += 1
        await asyncio.sleep(0.1)
        if asyncio.get_running_loop().time() < self.until:
            raise self.error
        return ClientSettings(api_key="sk-found")


class TestFailedLookup:
    """On a virtual clock."""

    async def wait(self, hook: Any, deadline: float = START + 3600.0) -> str:
        """Return the key, or the class of the error, of one wait."""
        log, clock = logging.getLogger("airflow_provider_seedance.test"), asyncio.get_running_loop().time
        try:
            settings = await settings_in_time(
                cast(SeedanceHook, hook), not_before=0.0, deadline=deadline, log=log, clock=clock
            )
        except ConnectionSettingsError as error:
            return type(error).__name__
        return settings.api_key

    async def ended(self, hook: Any, **times: float) -> tuple[str, float]:
        """Return what :meth:`wait` returns, and the seconds that it took."""
        result = await self.wait(hook, **times)
        return result, asyncio.get_running_loop().time() - START

    @pytest.mark.parametrize(
        ("error", "seconds"),
        [(ConnectionUnavailableError("The API failed"), 1800), (ConnectionNotFoundError("No"), 240)],
    )
    def test_lookup_that_fails_for_a_time_ends_no_wait(self, error: Exception, seconds: float) -> None:
        hook = FailingHook(error, until=START + seconds)

        async def all_waits() -> list[str]:
            return await asyncio.gather(*(self.wait(hook) for _ in range(200)))

        assert set(run_virtually(all_waits())) == {"sk-found"}
        # All of them share every lookup; the pauses are 2, 4, 8, 16 and 30 s.
        assert hook.lookups <= 4 + seconds / 30 + 2

    def test_lookup_is_repeated_until_the_deadline(self) -> None:
        hook = FailingHook(ConnectionUnavailableError("The API failed"))
        error, seconds = run_virtually(self.ended(hook, deadline=START + 1000.0))
        assert error == "ConnectionUnavailableError"
        assert 1000.0 <= seconds <= 1005.0

    @pytest.mark.parametrize(("left", "ends_after"), [(1000.0, 1000.0), (1.0, 4.0), (-60.0, 4.0)])
    def test_lookup_that_never_returns_ends_with_the_wait(self, left: float, ends_after: float) -> None:
        # It never sets ``may_return``.
        error, seconds = run_virtually(self.ended(FakeHook(), deadline=START + left))
        assert error == "ConnectionUnavailableError"
        assert ends_after <= seconds <= ends_after + 1.0

    def test_error_of_a_lookup_that_never_returns_names_the_connection(self) -> None:
        hook: Any = FakeHook()

        async def look_up() -> None:
            log, clock = logging.getLogger("silent"), asyncio.get_running_loop().time
            await settings_in_time(hook, not_before=0.0, deadline=START, log=log, clock=clock)

        with pytest.raises(ConnectionUnavailableError, match=f"connection '{hook.seedance_conn_id}' did not end"):
            run_virtually(look_up())

    def test_missing_connection_is_an_error_after_five_minutes(self) -> None:
        error, seconds = run_virtually(self.ended(FailingHook(ConnectionNotFoundError("No such connection"))))
        assert error == "ConnectionNotFoundError"
        assert 300.0 <= seconds <= 305.0

    def test_invalid_connection_is_an_error_at_once(self) -> None:
        hook = FailingHook(ConnectionSettingsError("It has no API key"))
        error, seconds = run_virtually(self.ended(hook))
        assert (error, hook.lookups) == ("ConnectionSettingsError", 1)
        assert seconds < 1.0

    def test_failures_are_logged_now_and_then(self, caplog: pytest.LogCaptureFixture) -> None:
        hook = FailingHook(ConnectionUnavailableError("The API failed"))
        with caplog.at_level(logging.INFO, logger="airflow_provider_seedance"):
            run_virtually(self.ended(hook, deadline=START + 3600.0))
        lines = [record.getMessage() for record in caplog.records if record.name == "airflow_provider_seedance.test"]
        assert lines[0] == "Lookup of the connection failed (The API failed)"
        # After a minute, two, four, and then every five minutes.
        assert 12 <= len(lines) <= 14
        assert all(
            "times so far; it is repeated until 1970-01-12 14:46:40 UTC (The API failed)" in each for each in lines[1:]
        )
