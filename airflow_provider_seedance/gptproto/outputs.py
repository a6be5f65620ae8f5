"""
The outputs of a prediction: the names under which services put the URLs of the videos.

A response may repeat the request, so a name that a request uses as well is read with care: media of the request are no
output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_seedance.gptproto.bodies import ECHO_NAMES, SUCCESSES, decoded, fold_fields, shorten, walk

#: Names of the outputs; the first that has any counts. Names of media in a request, such as ``videos``, are not among
#: them: a response may repeat the request.
_OUTPUTS = (
    "outputs",
    "output",
    "unsigned_urls",
    "video_urls",
    "video_url",
    "result_url",
    "content",
    "result",
    "results",
    "task_result",
)
#: Further names, of a success only: before it they may hold something else.
_OUTPUTS_OF_SUCCESS = (
    *("video", "creations", "response", "info", "result_json", "assets", "file", "metadata"),
    *("download_url", "file_url", "url", "result_urls", "mp4_url"),
    *("videos", "media", "files"),
    # New API keeps the link of a success in the field for the reason of a failure.
    "fail_reason",
)
#: Outputs that are read; a prediction has one to four.
_MAXIMUM_OUTPUTS = 100
#: Names that a request uses as well, for texts: only as objects, of no other kind than video, they are a result.
_SHARED = frozenset(["videos", "media", "files"])
_OTHER_KIND = re.compile(r"image|audio|input|reference|first_frame|last_frame|cover|thumbnail", re.IGNORECASE)
#: Names of the address in an output that is an object.
_ADDRESSES = (
    *("video_url", "url", "video", "video_urls", "urls", "videos", "outputs", "output", "result_url", "uri"),
    *("result_urls", "download_url", "file_url", "data", "generate_video_response", "generated_samples"),
    *("results", "mp4_url", "files"),
)
#: Fields that say nothing about a failure, or about a success without outputs.
USUAL_FIELDS = frozenset(
    [
        *(
            "id",
            "task_id",
            "prediction_id",
            "request_id",
            "object",
            "type",
            "status",
            "task_status",
            "state",
            "progress",
        ),
        *(
            "created_at",
            "created",
            "create_time",
            "updated_at",
            "execution_time",
            "timings",
            "has_nsfw_contents",
            "data",
        ),
    ]
) | (ECHO_NAMES - {"output"})
#: What a success does not quote: the usual fields, and those of a request.
_UNQUOTED = (USUAL_FIELDS - {"data", "outputs"}) | {"image", "images", "last_image", "audio", "audios", "text"}
_UNQUOTED |= {"image_url", "audio_url", "negative_prompt"}


def read_outputs(layers: list[dict[str, Any]], *, is_success: bool = False) -> tuple[str, ...]:
    """
    Return the URLs of the videos in a response, the first ones that are found.

    :param layers: The objects of the response that can describe the prediction.
    :param is_success: Read the further names of a success.
    """
    names = _OUTPUTS_OF_SUCCESS if is_success else _OUTPUTS
    return next((urls for layer in layers for name in names if (urls := _named_urls(layer, name))), ())


def _named_urls(layer: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = decoded(layer.get(name))
    if name in _SHARED:
        items = value if isinstance(value, list) else [value]
        value = [item for item in items if isinstance(item, Mapping) and not _is_other_kind(fold_fields(item))]
    # Of a result the content is an object; of a request it is a list of prompt and media.
    return () if name == "content" and isinstance(value, list) else _output_urls(value)


def _is_other_kind(item: Mapping[str, Any]) -> bool:
    return any(_OTHER_KIND.search(str(item.get(name))) for name in ("type", "role", "kind", "content_type", "purpose"))


def _output_urls(value: object, *, depth: int = 0) -> tuple[str, ...]:
    """Return the URLs in outputs of any shape: text, a list, or objects with the address under one of its names."""
    value = decoded(value)
    if isinstance(value, str):
        text = value.strip()
        return (text,) if text.isprintable() and text.lower().startswith(("https://", "http://")) else ()
    if depth > 5:
        return ()
    if isinstance(value, list):
        return tuple(url for item in value[:_MAXIMUM_OUTPUTS] for url in _output_urls(item, depth=depth + 1))
    if isinstance(value, Mapping):
        fields = fold_fields(value)
        # A list as an object: {"0": url, "1": url}.
        numbered = [fields[name] for name in sorted(filter(str.isdecimal, fields), key=lambda name: (len(name), name))]
        values = (*(fields.get(name) for name in _ADDRESSES), numbered)
        return next((urls for each in values if (urls := _output_urls(each, depth=depth + 1))), ())
    return ()


def quote_unread(body: object) -> str:
    """Return what a success says beside the usual fields and the request's: a video may stand under an unknown name."""
    texts = (
        f"{'.'.join(name for name in path if name != 'data')}: {value}"
        for path, value in walk(body)
        if value and str(value).lower() not in SUCCESSES and not _is_unquoted(path)
    )
    return shorten(", ".join(texts))


def _is_unquoted(path: tuple[str, ...]) -> bool:
    # Texts in ``videos``, and ``content`` with a ``video_url``, are the reference clips of a request.
    is_clip = path[-1:] == ("videos",) or {"content", "video_url"}.issubset(path)
    return is_clip or not _UNQUOTED.isdisjoint(path)
