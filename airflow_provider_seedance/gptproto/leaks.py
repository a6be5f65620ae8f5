"""Refuse arguments that hold a secret of their own connection, before they are sent, reported or quoted."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError, InvalidRequestError
from airflow_provider_seedance.gptproto.redaction import KEY_LIKE
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.settings import SHORTEST_SECRET, ClientSettings, proxy_password

_LIKE_A_KEY = {"what looks like an API key": KEY_LIKE}


def refuse_secrets(values: Mapping[str, object], settings: ClientSettings | None) -> None:
    """
    Raise an error if a value holds the API key or the proxy's password.

    :param values: Values by the names of the arguments. Uploaded media are not searched.
    :param settings: The connection's settings. ``None`` if they cannot be read: then what looks like an API key counts.
    :raises InvalidRequestError: With the arguments, without the values.
    """
    secrets = _LIKE_A_KEY if settings is None else _secrets(settings)
    problems = [
        f"{name}: holds {what}, which goes to no prompt and no parameter; its value is not shown here"
        for name, value in values.items()
        for what, secret in secrets.items()
        if any(secret.search(text) for text in _texts(value))
    ]
    if problems:
        raise InvalidRequestError.from_problems(problems)


def refuse_secrets_of(get_settings: Callable[[], ClientSettings], values: Mapping[str, object]) -> None:
    """
    Raise an error if a value holds a secret of a connection. An error of the connection itself is left to the caller.

    :param get_settings: Reads the connection.
    :param values: See :func:`refuse_secrets`.
    :raises InvalidRequestError: With the arguments, without the values.
    """
    try:
        settings = get_settings()
    except ConnectionSettingsError:
        # Raised again where the caller opens a client, and then the error names an earlier prediction.
        settings = None
    refuse_secrets(values, settings)


def arguments_of(request: GenerationRequest) -> dict[str, object]:
    """Return the arguments of a request, by their names."""
    return {each.name: getattr(request, each.name) for each in dataclasses.fields(request)}


def _secrets(settings: ClientSettings) -> dict[str, re.Pattern[str]]:
    secrets = {
        "the API key of the connection": settings.api_key,
        "the proxy's password of the connection": proxy_password(settings.proxy),
    }
    return {what: re.compile(re.escape(text)) for what, text in secrets.items() if len(text) >= SHORTEST_SECRET}


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value, names of nested values included, however deep and in whatever circle."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping | list | tuple | set | frozenset):
            if id(item) not in seen:
                seen.add(id(item))
                pending += [*item, *item.values()] if isinstance(item, Mapping) else item
        elif isinstance(item, bytes):
            yield item.decode(errors="replace")
        elif item is not None:
            with suppress(ValueError):  # str() refuses integers with thousands of digits
                yield str(item)
