"""
OpenLineage datasets of a generation: its media as inputs, its videos as outputs.

Only the OpenLineage provider imports this module, so its packages are installed then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from airflow.providers.common.compat.openlineage.facet import (
    Dataset,
    DocumentationDatasetFacet,
    LifecycleStateChange,
    LifecycleStateChangeDatasetFacet,
)
from airflow.providers.openlineage.extractors import OperatorLineage

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


def _media(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name in _MEDIA:
        value = parameters.get(name)
        yield from ([value] if isinstance(value, str) else value or [])


def _datasets(address: str, facets: Mapping[str, Any] | None = None) -> Iterator[Dataset]:
    """Yield the dataset of a URL or path, by OpenLineage's naming; none for uploads, which are only described."""
    if address.startswith("<"):
        return
    parts = urlsplit(address)
    # Neither the signature of a link nor the connection before an @ belongs to the dataset's name.
    host = parts.netloc.rpartition("@")[2]
    namespace = f"{parts.scheme}://{host}" if parts.scheme and host else "file"
    name = unquote(parts.path) if namespace == "file" else parts.path.lstrip("/")
    yield Dataset(namespace=namespace, name=name, facets=dict(facets or {}))
