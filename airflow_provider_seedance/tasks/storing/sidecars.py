"""The sidecar of a stored video: a JSON file beside it that says what it is and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.media.media import is_linked, wrap_media
from airflow_provider_seedance.gptproto.values import described
from airflow_provider_seedance.stored import StoredFile, without_query
from airflow_provider_seedance.tasks.report import GenerationReport
from airflow_provider_seedance.tasks.storing.object_storage import store_beside

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

#: Fields of every sidecar, by which one is known.
_ALWAYS = frozenset({"prediction_id", "source", "sha256"})


def store_sidecar(video: ObjectStoragePath, file: StoredFile, report: GenerationReport, *, overwrite: bool) -> str:
    """
    Store the sidecar of a video beside it, and return its path. An earlier sidecar is replaced.

    :param video: The stored video, ``boat.mp4``; its sidecar is ``boat.mp4.json``.
    :param file: Its description.
    :param report: Its generation; fields that are not known are empty.
    :param overwrite: Whether a file with that name that is no sidecar is replaced.
    :raises DestinationTakenError: When such a file is there and ``overwrite`` is false.
    :raises StorageError: When the store fails.
    """
    target = video.with_name(f"{video.name}.json")
    text = json.dumps(sidecar(video.name, file, report), ensure_ascii=False, indent=2) + "\n"
    # A lone surrogate becomes an escape of JSON.
    content = text.encode("utf-8", "backslashreplace")
    store_beside(content, target, media_type="application/json", overwrite=overwrite, is_own=is_sidecar)
    return str(target)


def sidecar(name: str, file: StoredFile, report: GenerationReport) -> dict[str, Any]:
    """
    Return the content of a sidecar. It is the same for the same arguments, so that a retry writes nothing.

    :param name: The name of the video's file.
    :param file: Its description.
    :param report: Its generation.
    """
    parameters = {key: value for key, value in report.parameters.items() if key != "prompt"}
    content = {
        "file": name,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "width": file.width,
        "height": file.height,
        "seconds": file.seconds,
        "source": file.source,
        "index": file.index,
        "prediction_id": report.id,
        "model": report.model,
        "mode": report.mode,
        "prompt": report.parameters.get("prompt"),
        "parameters": _without_signatures(parameters),
        "estimated_cost_usd": report.estimated_cost_usd,
        "submitted_at": report.submitted_at,
        "created_at": report.created_at,
        "finished_at": report.finished_at,
    }
    # A report describes uploads, but the value may come from elsewhere.
    shown: dict[str, Any] = described(wrap_media(content))
    return shown


def is_sidecar(content: bytes) -> bool:
    """Return whether a file is a sidecar."""
    try:
        fields = json.loads(content)
    except (RecursionError, ValueError):
        return False
    return isinstance(fields, Mapping) and fields.keys() >= _ALWAYS


def _without_signatures(value: Any) -> Any:
    """Return parameters with their links without query, which may be a signature that is still valid."""
    if isinstance(value, Mapping):
        return {name: _without_signatures(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_signatures(item) for item in value]
    return without_query(value) if isinstance(value, str) and is_linked(value) else value
