"""
OpenLineage datasets: of a generation its media and videos, of a copy the links and the stored files.

Only the OpenLineage provider imports this module, so its packages are installed then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from airflow.providers.common.compat.openlineage.facet import (
    Dataset,
    DocumentationDatasetFacet,
    LifecycleStateChange,
    LifecycleStateChangeDatasetFacet,
)
from airflow.providers.openlineage.extractors import OperatorLineage

from airflow_provider_seedance.stored import StoredFiles, without_query
from airflow_provider_seedance.tasks.report import GenerationReport

_MEDIA = ("image", "last_image", "images", "videos", "audios")


def lineage_of(report: GenerationReport) -> OperatorLineage[Any, Any]:
    """
    Return media as inputs and videos as outputs. The documentation of an output is the prompt.

    :param report: The report of the generation.
    """
    parameters = report.parameters
    facets = {
        "documentation": DocumentationDatasetFacet(description=parameters.get("prompt", "")),
        "lifecycleStateChange": LifecycleStateChangeDatasetFacet(lifecycleStateChange=LifecycleStateChange.CREATE),
    }
    return OperatorLineage(
        inputs=[dataset for address in _media(parameters) for dataset in _datasets(address)],
        outputs=[dataset for address in report.outputs for dataset in _datasets(address, facets)],
    )


def lineage_of_copies(stored: StoredFiles) -> OperatorLineage[Any, Any]:
    """
    Return links as inputs, by the names that they have as outputs of the generation, and files as outputs.

    :param stored: The files that a task stored.
    """
    return OperatorLineage(
        inputs=[dataset for file in stored.files for dataset in _datasets(file.source)],
        outputs=[dataset for file in stored.files for dataset in _datasets(file.path)],
    )


def _media(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name in _MEDIA:
        value = parameters.get(name)
        yield from ([value] if isinstance(value, str) else value or [])


def _datasets(address: str, facets: Mapping[str, Any] | None = None) -> Iterator[Dataset]:
    """Yield the dataset of a URL or path, by OpenLineage's naming; none for uploads, which are only described."""
    if address.startswith("<"):
        return
    scheme, is_url, rest = address.partition("://")
    if not is_url:
        yield Dataset(namespace="file", name=address.removeprefix("file:"), facets=dict(facets or {}))
        return
    scheme = scheme.lower()
    # A signature belongs to a link, but "?" and "#" may be in the name of a file.
    authority, slash, path = (without_query(rest) if scheme in ("http", "https") else rest).partition("/")
    # The connection before an @ is not a part of the dataset's name.
    host = authority.rpartition("@")[2]
    namespace = f"{scheme}://{host}" if host else "file"
    name = path.lstrip("/") if host else unquote(slash + path)
    yield Dataset(namespace=namespace, name=name, facets=dict(facets or {}))
