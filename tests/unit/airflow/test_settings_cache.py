"""One look-up of the connection serves all triggers that start together."""

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
class LookedUp:
    """A hook whose look-ups answer when they are told to, each with another key."""

    seedance_conn_id: str = "seedance_default"
    look_ups: int = 0
    fails: bool = False
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def aget_settings(self) -> ClientSettings:
        self.look_ups += 1
        key = f"sk-{self.look_ups}"
        await self.may_answer.wait()
        if self.fails:
            raise ConnectionSettingsError("no such connection")
        return ClientSettings(api_key=key)


@pytest.fixture
def hook() -> LookedUp:
    return LookedUp()


async def key_of(hook: Any, not_before: float = 0.0) -> str:
    return (await shared_settings(cast(SeedanceHook, hook), not_before=not_before)).api_key


async def test_a_thousand_that_start_together_look_up_once(hook: LookedUp) -> None:
    waiting = [asyncio.create_task(key_of(hook)) for _ in range(1000)]
    await asyncio.sleep(0)
    hook.may_answer.set()
    assert set(await asyncio.gather(*waiting)) == {"sk-1"}
    assert await key_of(hook) == "sk-1"


async def test_what_is_too_old_is_looked_up_again_by_the_first_who_wants_it_newer(hook: LookedUp) -> None:
    hook.may_answer.set()
    assert await key_of(hook) == "sk-1"
    refused_at = asyncio.get_running_loop().time()
    keys = await asyncio.gather(*(key_of(hook, not_before=refused_at) for _ in range(10)))
    assert set(keys) == {"sk-2"}


async def test_another_connection_is_looked_up_for_itself(hook: LookedUp) -> None:
    hook.may_answer.set()
    other = LookedUp("other", look_ups=7, may_answer=hook.may_answer)
    assert [await key_of(hook), await key_of(other), await key_of(hook)] == ["sk-1", "sk-8", "sk-1"]


async def test_a_failure_is_for_those_who_waited_only(hook: LookedUp) -> None:
    hook.may_answer.set()
    hook.fails = True
    failures = await asyncio.gather(*(key_of(hook) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failures] == [ConnectionSettingsError] * 3
    hook.fails = False
    assert await key_of(hook) == "sk-2"


async def test_who_is_cancelled_does_not_take_the_others_with_it(hook: LookedUp) -> None:
    first, second = (asyncio.create_task(key_of(hook)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    hook.may_answer.set()
    assert await second == "sk-1"


def test_another_event_loop_looks_up_for_itself() -> None:
    async def look_up() -> tuple[str, int]:
        hook = LookedUp()
        hook.may_answer.set()
        return await key_of(hook), hook.look_ups

    assert [asyncio.run(look_up()) for _ in range(2)] == [("sk-1", 1), ("sk-1", 1)]
