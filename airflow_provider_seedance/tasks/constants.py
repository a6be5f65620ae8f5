"""
Constants in a DAG file that the service is certain to refuse, by the same rules as when the task runs.

A value is a constant if nothing can change it before the task runs: no template, no output of another task, no file.
Media are constants if they are links: files are not read, and uploads are not decoded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_DURATION, DEFAULT_MODEL, Mode
from airflow_provider_seedance.gptproto.given import is_missing

_TEMPLATE_MARKS = ("{{", "{%", "{#")
_DEFAULTS: Mapping[str, Any] = {"duration": DEFAULT_DURATION, "model": DEFAULT_MODEL}
_LINK = "https://example.com/any"
#: Values in place of arguments that are no constants. No rule refuses them, also beside any other value.
_PLACEHOLDERS: Mapping[str, Any] = {
    "prompt": "any",
    "model": "any",
    "image": _LINK,
    "images": [_LINK],
    "videos": [_LINK],
    "audios": [_LINK],
}


def constant_problems(
    mode: Mode, arguments: Mapping[str, Any], *, prompt_files: tuple[str, ...] = (), is_native: bool = False
) -> list[str]:
    """
    Return the problems that the request of a task is certain to have; each names argument, value and allowed values.

    :param mode: The mode.
    :param arguments: The arguments as written, with ``prediction_id``, without those that other values may replace.
    :param prompt_files: The endings of a prompt that is read from a file.
    :param is_native: Whether rendering may turn any text into another object.
    """
    known = {name: value for name, value in arguments.items() if _is_constant(value, is_native=is_native)}
    # With an earlier prediction the other arguments are not used.
    if "prediction_id" not in known or not is_missing(known.pop("prediction_id")):
        return []
    if isinstance(known.get("prompt"), str) and known["prompt"].endswith(prompt_files):
        del known["prompt"]
    if not any(_may_have_a_problem(name, value) for name, value in known.items()):
        return []
    # This import takes longer than that of the operators.
    from airflow_provider_seedance.gptproto.media.media import is_linked
    from airflow_provider_seedance.gptproto.requests import REQUESTS
    from airflow_provider_seedance.gptproto.values import as_media_list

    request = REQUESTS[mode]
    media = (*request.single_media, *request.listed_media)
    for name in media:
        items = as_media_list(known.get(name))
        if items is not None and not (isinstance(items, list) and all(map(is_linked, items))):
            del known[name]
    if any(name not in known for name in media):
        known.pop("is_upload_media", None)
    names = {field.name for field in dataclasses.fields(request)}
    return list(request(**{name: _PLACEHOLDERS[name] for name in names & set(_PLACEHOLDERS)} | known).problems())


def _is_constant(value: object, *, is_native: bool) -> bool:
    if isinstance(value, str):
        # Jinja drops a line break at the end.
        is_template = any(mark in value for mark in _TEMPLATE_MARKS) or value.endswith("\n")
        return is_missing(value) or not (is_native or is_template)
    if isinstance(value, (list, tuple)):
        return all(_is_constant(item, is_native=is_native) for item in value)
    if isinstance(value, dict):
        return all(_is_constant(item, is_native=is_native) for pair in value.items() for item in pair)
    return value is None or isinstance(value, (bool, int, float))


def _may_have_a_problem(name: str, value: object) -> bool:
    """Return whether the rules can refuse an argument: not a text as prompt, a link as image, or a default."""
    if name in ("prompt", "image"):
        return is_missing(value) or not isinstance(value, str)
    if name in ("images", "videos", "audios"):
        return True
    return not is_missing(value) and value != _DEFAULTS.get(name)
