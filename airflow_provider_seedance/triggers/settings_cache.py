"""
The connection's settings, looked up once for all triggers that start at about the same time.

A look-up costs the triggerer's supervisor more than the trigger itself: several messages, each of which makes it go
through all of its triggers. A thousand that start together would keep it busy for half a minute.
"""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.settings import ClientSettings
    from airflow_provider_seedance.hooks.seedance import SeedanceHook

#: Seconds for which a look-up serves others.
LIFETIME = 30.0
#: The same where a key was refused. Three refusals in a row take longer: it was rotated before that, or not at all.
LIFETIME_AFTER_REFUSAL = 10.0


@dataclass(slots=True)
class _LookUp:
    started_at: float
    #: Only as long as it is under way: a task would keep its event loop alive.
    task: asyncio.Task[ClientSettings] | None = None
    settings: ClientSettings | None = None


_look_ups: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _LookUp]] = WeakKeyDictionary()


async def shared_settings(hook: SeedanceHook, *, not_before: float) -> ClientSettings:
    """
    Return the settings of a hook's connection, as they were looked up on the running event loop.

    :param hook: Looks them up where nobody did, or where it failed.
    :param not_before: Time of the loop's clock: what was looked up before that does not count.
    :raises ConnectionSettingsError: When a field of the connection cannot be used.
    """
    loop = asyncio.get_running_loop()
    known = _look_ups.setdefault(loop, {})
    look_up = known.get(hook.seedance_conn_id)
    if look_up is None or look_up.started_at < not_before:
        look_up = known[hook.seedance_conn_id] = _LookUp(loop.time())
        look_up.task = loop.create_task(hook.aget_settings())
        look_up.task.add_done_callback(functools.partial(_end, known, hook.seedance_conn_id, look_up))
    if look_up.settings is not None:
        return look_up.settings
    assert look_up.task is not None  # noqa: S101 - else it has ended, and is known no more where it failed
    # Others wait for it, too, when this one is cancelled.
    return await asyncio.shield(look_up.task)


def _end(known: dict[str, _LookUp], conn_id: str, look_up: _LookUp, task: asyncio.Task[ClientSettings]) -> None:
    look_up.task = None
    if not task.cancelled() and task.exception() is None:
        look_up.settings = task.result()
    elif known.get(conn_id) is look_up:
        del known[conn_id]
