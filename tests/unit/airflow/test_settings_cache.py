"""The settings cache: one lookup of the connection serves all triggers that start together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.triggers.settings_cache import shared_settings


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
