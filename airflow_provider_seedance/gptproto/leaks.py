"""Refuse a request that holds a secret of its own connection, before it is sent, reported or quoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.settings import ClientSettings

#: A shorter secret occurs in ordinary text, so it protects nothing.
_SHORTEST_SECRET = 8


def refuse_secrets(values: Mapping[str, object], settings: ClientSettings) -> None:
    """
    Raise an error if a value holds the API key or the proxy's password.

    :param values: Values by the names of the arguments. Uploaded media are not searched.
    :raises InvalidRequestError: With the arguments, without the values.
    """
    secrets = _secrets(settings)
    problems = [
        f"{name}: holds {what} of the connection, which goes to no prompt and no parameter; its value is not shown here"
        for name, value in values.items()
        for what, secret in secrets.items()
        if any(secret in text for text in _texts(value))
    ]
    if problems:
        raise InvalidRequestError.from_problems(problems)


def _secrets(settings: ClientSettings) -> dict[str, str]:
    password = urlsplit(settings.proxy).password if settings.proxy else None
    secrets = {"the API key": settings.api_key, "the proxy's password": unquote(password or "")}
    return {what: secret for what, secret in secrets.items() if len(secret) >= _SHORTEST_SECRET}


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
            yield str(item)
