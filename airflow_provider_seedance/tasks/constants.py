"""
Constants in a DAG file that the service is certain to refuse, by the same rules as when the task runs.

A value is a constant if nothing can change it before the task runs: no template, no output of another task, no file.
Media are constants if they are links: files are not read, and uploads are not decoded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.given import is_missing
from airflow_provider_seedance.gptproto.modes import DEFAULT_DURATION, DEFAULT_MODEL, Mode

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.requests import GenerationRequest

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
    request = constant_request(mode, arguments, prompt_files=prompt_files, is_native=is_native)
    return [] if request is None else list(request.problems())


def constant_request(
    mode: Mode, arguments: Mapping[str, Any], *, prompt_files: tuple[str, ...] = (), is_native: bool = False
) -> GenerationRequest | None:
    """Return the request of the constants, or ``None`` if no rule can refuse them; see :func:`constant_problems`."""
    known = constants(arguments, prompt_files=prompt_files, is_native=is_native)
    # With an earlier prediction the other arguments are not used.
    if "prediction_id" not in known or not is_missing(known["prediction_id"]):
        return None
    if not any(_may_have_a_problem(name, value) for name, value in known.items()):
        return None
    return known_request(mode, known).request


def constants(
    arguments: Mapping[str, Any], *, prompt_files: tuple[str, ...] = (), is_native: bool = False
) -> dict[str, Any]:
    """Return the arguments that nothing can change before the task runs; parameters as in :func:`constant_problems`."""
    known = {name: value for name, value in arguments.items() if _is_constant(value, is_native=is_native)}
    if isinstance(known.get("prompt"), str) and known["prompt"].endswith(prompt_files):
        del known["prompt"]
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRequest:
    """
    What is known of a request.

    :param request: The request, with placeholders for what is not known.
    :param unknown: The names of the parameters that are not known, in the order of the request's fields.
    """

    request: GenerationRequest
    unknown: tuple[str, ...]


def known_request(mode: Mode, known: Mapping[str, Any]) -> KnownRequest:
    """
    Return the request that some of its parameters make. Media count as known if they are links.

    :param mode: The mode.
    :param known: The parameters that are known, ``None`` if not given. Other names are ignored.
    """
    # This import takes longer than that of the operators.
    from airflow_provider_seedance.gptproto.media.media import is_linked
    from airflow_provider_seedance.gptproto.requests import REQUESTS
    from airflow_provider_seedance.gptproto.values import as_media_list

    request = REQUESTS[mode]
    names = [field.name for field in dataclasses.fields(request)]
    known = {name: known[name] for name in names if name in known}
    media = (*request.single_media, *request.listed_media)
    for name in media:
        items = as_media_list(known.get(name))
        if items is not None and not (isinstance(items, list) and all(map(is_linked, items))):
            del known[name]
    if any(name not in known for name in media):
        known.pop("is_upload_media", None)
    unknown = tuple(name for name in names if name not in known)
    placeholders = {name: _PLACEHOLDERS[name] for name in unknown if name in _PLACEHOLDERS}
    return KnownRequest(request=request(**placeholders, **known), unknown=unknown)


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
