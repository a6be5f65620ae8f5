"""
A cache of the connection's settings: read once for all triggers that start at about the same time.

Reading a connection is more work for the triggerer's supervisor than the trigger itself: several messages, and for each
one it iterates over all of its triggers. A thousand triggers that start together would keep it busy for half a minute.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider_seedance.gptproto.errors import ConnectionNotFoundError, ConnectionUnavailableError
from airflow_provider_seedance.gptproto.flows import LAST_POLL_SECONDS
from airflow_provider_seedance.gptproto.redaction import redacted
from airflow_provider_seedance.gptproto.repeated_errors import RepeatedErrors

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.log import Log
    from airflow_provider_seedance.gptproto.settings import ClientSettings
    from airflow_provider_seedance.hooks.seedance import SeedanceHook

#: Seconds for which the settings stay in the cache.
LIFETIME = 30.0
#: The same after the service refused the key. Three refusals in a row take longer than this, so a key that was rotated
#: meanwhile is found.
LIFETIME_AFTER_REFUSAL = 10.0
#: Seconds for which a connection that Airflow does not find is looked up again. Airflow reports a failure of its own
#: API in the same way, and a restart of the API server takes minutes. So a missing connection is an error soon enough.
NOT_FOUND_SECONDS = 300.0
#: Seconds between two lookups: the first pause and the longest; each one doubles. They have no jitter, so that triggers
#: whose lookup failed together share the next one.
FIRST_PAUSE = 2.0
MAXIMUM_PAUSE = 30.0


@dataclass(slots=True)
class _Entry:
    started_at: float
    #: Set only while it runs: a finished task would keep its event loop alive.
    task: asyncio.Task[ClientSettings] | None = None
    settings: ClientSettings | None = None


_entries: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Entry]] = WeakKeyDictionary()


async def settings_in_time(
    hook: SeedanceHook,
    *,
    not_before: float,
    deadline: float,
    log: Log,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ClientSettings:
    """
    Return the shared settings; a lookup that fails is repeated until the deadline of the wait.

    A lookup that does not return ends then as well, but has :data:`LAST_POLL_SECONDS` at least.

    :param hook: See :func:`shared_settings`; so are ``not_before`` and the errors.
    :param deadline: The end of the wait, in seconds since the epoch.
    :param log: Receives the failures, now and then.
    """
    recent = _recent(hook, not_before)
    if recent is not None and recent.settings is not None:
        # No timeout here: the event loop would keep the ended timer of each of a thousand waits.
        return recent.settings
    started_at, pause, errors = clock(), FIRST_PAUSE, RepeatedErrors()
    while True:
        try:
            async with asyncio.timeout(max(deadline - clock(), LAST_POLL_SECONDS)) as limit:
                return await shared_settings(hook, not_before=not_before)
        except TimeoutError as error:
            if not limit.expired():
                raise
            what = f"The lookup of the connection {redacted(hook.seedance_conn_id)} did not end within the wait"
            raise ConnectionUnavailableError(what) from error
        except ConnectionUnavailableError as error:
            now, is_missing = clock(), isinstance(error, ConnectionNotFoundError)
            until = min(deadline, started_at + NOT_FOUND_SECONDS) if is_missing else deadline
            if now >= until:
                raise
            line = errors.add("Lookup of the connection failed", error.what, now=now, until=until)
            if line is not None:
                log.warning("%s", line)
        await sleep(min(pause, until - now))
        pause = min(2 * pause, MAXIMUM_PAUSE)


async def shared_settings(hook: SeedanceHook, *, not_before: float) -> ClientSettings:
    """
    Return the settings of a hook's connection, from the cache of the running event loop if possible.

    :param hook: Reads the connection if the cache has no settings, or only older ones.
    :param not_before: The oldest time at which cached settings may have been read, by the loop's clock.
    :raises ConnectionSettingsError: When a field of the connection cannot be used.
    """
    entry = _recent(hook, not_before)
    if entry is None:
        loop = asyncio.get_running_loop()
        entries = _entries.setdefault(loop, {})
        entry = entries[hook.seedance_conn_id] = _Entry(loop.time())
        entry.task = loop.create_task(hook.aget_settings())
        entry.task.add_done_callback(functools.partial(_end, entries, hook.seedance_conn_id, entry))
    if entry.settings is not None:
        return entry.settings
    assert entry.task is not None  # noqa: S101 - a finished task has set the settings, and a failed one has removed the entry
    # Shielded: if this trigger is cancelled, other triggers still need the result.
    return await asyncio.shield(entry.task)


def _recent(hook: SeedanceHook, not_before: float) -> _Entry | None:
    entry = _entries.get(asyncio.get_running_loop(), {}).get(hook.seedance_conn_id)
    return entry if entry is not None and entry.started_at >= not_before else None


def _end(entries: dict[str, _Entry], conn_id: str, entry: _Entry, task: asyncio.Task[ClientSettings]) -> None:
    entry.task = None
    if not task.cancelled() and task.exception() is None:
        entry.settings = task.result()
    elif entries.get(conn_id) is entry:
        del entries[conn_id]
