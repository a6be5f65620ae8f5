"""
The connection's settings, looked up once for all triggers that start at about the same time.

A look-up costs the triggerer's supervisor more than the trigger itself: several messages, each of which makes it go
through all of its triggers. A thousand that start together would keep it busy for half a minute.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.settings import ClientSettings
    from airflow_provider_seedance.hooks.seedance import SeedanceHook

#: Seconds for which a look-up serves others.
LIFETIME = 30.0


class _LookUp(NamedTuple):
    started_at: float
    settings: asyncio.Task[ClientSettings]

    @property
    def failed(self) -> bool:
        return self.settings.done() and (self.settings.cancelled() or self.settings.exception() is not None)


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
    if look_up is None or look_up.started_at < not_before or look_up.failed:
        look_up = _LookUp(loop.time(), loop.create_task(hook.aget_settings()))
        known[hook.seedance_conn_id] = look_up
    # Others wait for it, too, when this one is cancelled.
    return await asyncio.shield(look_up.settings)
