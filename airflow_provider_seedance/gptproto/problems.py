"""
Problems of a request that no model can excuse: wrong types, missing or broken media, values that JSON cannot hold.

They refuse a request in any case. What depends on the model is in
:mod:`~airflow_provider_seedance.gptproto.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_MODEL, MAXIMUM_REQUEST_BYTES
from airflow_provider_seedance.gptproto.given import is_missing
from airflow_provider_seedance.gptproto.media.media import (
    ALLOWED_MEDIA,
    NamedMedium,
    is_linked,
    is_uploaded,
    media_problem,
    unwrap_media,
)
from airflow_provider_seedance.gptproto.values import is_text, json_problem, problem
from airflow_provider_seedance.gptproto.whole_numbers import is_whole_number

_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")


def value_problems(arguments: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the problems of arguments that are no media: each name with its value and the allowed values.

    :param arguments: The arguments by name; ``None`` if not given.
    """
    model = arguments["model"]
    if not isinstance(model, str) or not _MODEL_ID.fullmatch(model):
        yield problem("model", model, "a model id such as " + DEFAULT_MODEL)
    prompt = arguments["prompt"]
    if not is_text(prompt):
        yield problem("prompt", prompt, "Unicode text that is not blank")
    elif is_missing(prompt):
        yield problem("prompt", prompt, "text other than the one of a missing value")
    for name in ("aspect_ratio", "resolution"):
        value = arguments[name]
        if value is not None and not is_text(value):
            yield problem(name, value, "Unicode text that is not blank, or None")
    for name in ("duration", "seed"):
        value = arguments[name]
        if value is not None and not is_whole_number(value):
            yield problem(name, value, "a whole number, or None")
    for name in ("generate_audio", "camera_fixed", "is_upload_media"):
        value = arguments.get(name)
        if value is not None and not isinstance(value, bool):
            yield problem(name, value, "true, false, or None")


def media_problems(media: Sequence[NamedMedium], is_upload_media: object) -> Iterator[str]:
    """
    Yield the problems of media, and of ``is_upload_media`` beside them.

    :param media: The media of the request.
    :param is_upload_media: The argument of this name.
    """
    if is_upload_media is False:
        for name, _, value in media:
            if is_uploaded(value):
                yield problem(name, value, "an http(s) URL if is_upload_media is false")
    if is_upload_media is True and media and all(is_linked(value) for _, _, value in media):
        yield problem("is_upload_media", True, "false, or None if all media are URLs")
    for name, kind, value in media:
        why = media_problem(value, kind=kind, declared_upload=is_upload_media is True)
        if why is not None:
            yield f"{problem(name, value, ALLOWED_MEDIA)}; the value {why}"
    size = sum(len(unwrap_media(value)) for _, _, value in media if isinstance(unwrap_media(value), str))
    if size > MAXIMUM_REQUEST_BYTES:
        allowed = f"at most {MAXIMUM_REQUEST_BYTES:,} bytes in one request"
        yield problem("media", f"{size:,} bytes in {len(media)} parts", allowed)


def extra_problems(extra_parameters: object, own: Collection[str]) -> Iterator[str]:
    """
    Yield the problems of ``extra_parameters``.

    :param extra_parameters: The argument of this name.
    :param own: The names of the request's own parameters.
    """
    if extra_parameters is None:
        return
    if not isinstance(extra_parameters, Mapping):
        yield problem("extra_parameters", extra_parameters, "a dict, or None")
        return
    for name, value in extra_parameters.items():
        if name in own:
            yield problem(f"extra_parameters[{name!r}]", value, f"the argument {name} instead")
    why = json_problem(unwrap_media(extra_parameters))
    if why is not None:
        yield problem("extra_parameters", extra_parameters, f"only JSON values ({why})")
