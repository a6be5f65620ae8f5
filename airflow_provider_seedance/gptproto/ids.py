"""
Ids of predictions: what can be one, and in a response which one names the prediction, and which stand anywhere in it.

An id that was paid for must not be lost, so an error names every id that the body has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from airflow_provider_seedance.gptproto.bodies import (
    MAXIMUM_SEARCHED,
    beginning,
    data_layers,
    decoded,
    fold_fields,
    fold_name,
    shorten,
    walk,
)
from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.given import keyed, listed

#: Names of a prediction's id, the most certain first.
_NAMES = ("id", "task_id", "prediction_id", "generation_id", "job_id", "video_id", "result_id")
#: Objects that hold the prediction at some services.
_WRAPPERS = ("output", "result", "task", "prediction", "response", "job", "generation")
#: Those of them that hold the outputs at others.
_OUTPUTS = ("output", "result", "response")
#: Names of a prediction's status, the most certain first.
STATUS_NAMES = ("status", "task_status", "state", "task_state", "job_status")
#: It names the prediction at some services, and the HTTP request at others.
_REQUEST = "request_id"
_ALL_NAMES = frozenset([*_NAMES, _REQUEST, "trace_id", "log_id"])
_RESULT_PATH = re.compile(r"/predictions/([^/?#\"\s]+)/result")
_IN_TEXT = re.compile(r'"(\w{2,20})"\s*:\s*"?([^"\s,}\]]{1,256})')
#: An id in place of the object that holds it: other texts there are words, versions of words, or links.
_BARE = re.compile(r"(?=\D*\d)[A-Za-z0-9][A-Za-z0-9_:.-]{3,255}")
_LINK_TO_FILE = re.compile(
    r"https?://[^?#]*/[^/?#]*\.(mp4|mov|webm|m4v|gif|png|jpe?g|webp|wav|mp3)(\?|#|$)", re.IGNORECASE
)
#: Longer than any known id, and short enough for a URL.
_MAXIMUM_LENGTH = 256
#: Ids that one message names at most.
_MAXIMUM_NAMED = 10


def is_prediction_id(text: str) -> bool:
    """
    Return whether a text can be a prediction id: printable, without spaces, and valid as a segment of a URL.

    What other XComs of a task hold is no id: a link to a file, a list, or a report.
    """
    if not 0 < len(text) <= _MAXIMUM_LENGTH or not text.isprintable() or " " in text or text in (".", ".."):
        return False
    return listed(text) is None and keyed(text) is None and _LINK_TO_FILE.match(text) is None


def check_id(given: object) -> None:
    """
    Check that an argument can be the id of a prediction.

    :raises InvalidRequestError: When it is not.
    """
    if isinstance(given, str) and is_prediction_id(given):
        return
    allowed = "allowed: one id, as in XCom 'prediction_id'"
    problem = f"prediction_id: {shorten(repr(given))} is not the id of a prediction; {allowed}"
    raise InvalidRequestError.from_problems([problem])


def submitted_id(body: object, *, is_success: bool) -> str | None:
    """
    Return the id of the prediction that the answer to a submission names, or ``None``.

    :param is_success: Whether the answer is a success; otherwise a ``request_id`` names the request only.
    """
    top = _top(body)
    layers = data_layers(body) or ([] if "error" in top and top["error"] and "status" not in top else [top])
    for layer in [*layers, *([top] if top not in layers and layers else [])]:
        ids = _ids(layer)
        # An integer beside a name such as task_id is the row of a database.
        for each in (*(each for each in ids if not each.isdigit()), *ids, _in_urls(layer.get("urls"))):
            if each:
                return each
    for layer in _wrapped(layers) if is_success else ():
        if ids := _ids(layer):
            return next((each for each in ids if not each.isdigit()), ids[0])
    if is_success and (bare := _bare_id(top)):
        return bare
    is_bare = "data" in top and not data_layers(body)
    # Beside another id, wherever that is, a request_id names the HTTP request.
    has_others = any(name in _NAMES for name, _ in find_ids(body))
    if is_success and not is_bare and not has_others:
        return next((each for layer in layers if (each := _as_id(layer.get(_REQUEST)))), None)
    return None


def _bare_id(top: Mapping[str, Any]) -> str | None:
    """Return the id that stands in place of an object, ``{"data": "<id>"}``, of an answer without an error."""
    if top.get("error"):
        return None
    texts = (_first(top.get(name)) for name in ("data", "result"))
    return next((text for text in texts if _BARE.fullmatch(text)), None)


def _first(value: object) -> str:
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    return one.strip() if isinstance(one, str) else ""


def id_in_beginning(text: str) -> str | None:
    """
    Return the id of the prediction that the answer to a submission names before it breaks off, or ``None``.

    The id must stand in the text to its end. Beside ``data``, an id may be the one of the HTTP request.
    """
    top = fold_fields(beginning(text))
    return submitted_id({"data": top["data"]} if "data" in top else top, is_success=False)


def is_about(body: object, prediction_id: str) -> bool:
    """Return whether an answer can be about a prediction: it names the id, or no other one of its form."""
    return _named_first(body, prediction_id) in ([], None) or names_id(body, prediction_id)


def names_id(body: object, prediction_id: str) -> bool:
    """Return whether the prediction object in an answer names this id."""
    return any(_is_same(each, prediction_id) for each in _named_first(body, prediction_id) or [])


def _named_first(body: object, prediction_id: str) -> list[str] | None:
    """Return the ids of the first object that has any in the form of the requested one: a number, or a text."""
    top = _top(body)
    layers = data_layers(body) or [top]
    # At the top, beside ``data``, a plain ``id`` may be the one of the HTTP request.
    beside = {name: value for name, value in top.items() if name != "id"}
    objects = [*layers, *_wrapped(layers), beside]
    for layer in objects:
        ids = [each for each in (*_ids(layer), _in_urls(layer.get("urls"))) if each]
        comparable = [each for each in ids if each.isdigit() == prediction_id.isdigit()]
        if comparable:
            return [*comparable, *filter(None, [_as_id(layer.get(_REQUEST))])]
    # Beside another id, wherever that is, a request_id names the HTTP request.
    is_request = any(_as_id(layer.get(_REQUEST)) == prediction_id for layer in objects)
    return [prediction_id] if is_request else None


def find_ids(body: object) -> list[tuple[str, str]]:
    """Return name and value of the ids anywhere in a body, also in text that is not valid JSON."""
    found: dict[tuple[str, str], None] = {}
    for path, value in walk(body):
        name, text = path[-1] if path else "", _as_id(value)
        if name in _ALL_NAMES and text:
            found[name, text] = None
        elif isinstance(value, str):
            for name_in_text, each in _IN_TEXT.findall(value[:MAXIMUM_SEARCHED].replace("\\", "")):
                if fold_name(name_in_text) in _ALL_NAMES and is_prediction_id(each):
                    found[fold_name(name_in_text), each] = None
            for each in _RESULT_PATH.findall(value[:MAXIMUM_SEARCHED]):
                if is_prediction_id(unquote(each)):
                    found["urls", unquote(each)] = None
    return list(found)[:_MAXIMUM_NAMED]


def unwrap(envelope: Mapping[str, Any], prediction_id: str | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """
    Return the object in an envelope that holds a prediction at some services, and the rest of the envelope.

    Objects about something else, such as another generation, are in neither. An output may have an id of its own.

    :param prediction_id: The prediction; ``None`` if its id is unknown.
    """
    own: list[dict[str, Any]] = []
    rest = dict(envelope)
    for name in _WRAPPERS:
        for layer in _wrapped([{name: envelope.get(name)}]):
            ids = _ids(layer)
            comparable = [each for each in ids if prediction_id and each.isdigit() == prediction_id.isdigit()]
            is_own = any(_is_same(each, str(prediction_id)) for each in comparable)
            own += [layer] if is_own else []
            is_another = bool(comparable) and not layer.keys().isdisjoint(STATUS_NAMES)
            if ids and (is_own or is_another or name not in _OUTPUTS):
                del rest[name]
    return own, rest


def _wrapped(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the objects in these that hold the prediction at some services."""
    values = (decoded(layer.get(name)) for layer in layers for name in _WRAPPERS)
    return [fold_fields(value) for value in values if isinstance(value, Mapping)]


def _top(body: object) -> dict[str, Any]:
    value = decoded(body)
    return fold_fields(value) if isinstance(value, Mapping) else {}


def has_id(layer: Mapping[str, Any]) -> bool:
    """Return whether an object names a prediction."""
    return bool(_ids(layer))


def _ids(layer: Mapping[str, Any]) -> list[str]:
    return [text for name in _NAMES if (text := _as_id(layer.get(name)))]


def _as_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**30:
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return text if is_prediction_id(text) else ""


def _in_urls(value: object) -> str:
    """Return the id in ``urls.get``. Any origin is accepted: no request is sent to this URL."""
    urls = value[0] if isinstance(value, list) and value else value
    url = urls.get("get") if isinstance(urls, Mapping) else None
    found = _RESULT_PATH.search(url) if isinstance(url, str) else None
    text = unquote(found[1]) if found else ""
    return text if is_prediction_id(text) else ""


def _is_same(one: str, other: str) -> bool:
    """Return whether two ids are the same, also if only one of them has a prefix such as ``sora-2:``."""
    pair = {one, other}
    return len({unquote(each).lower() for each in pair}) == 1 or (
        any(":" in each for each in pair) and len({each.rpartition(":")[2] for each in pair}) == 1
    )
