"""
What a generation is made of and what it brings, as OpenLineage datasets.

Only OpenLineage's provider has this module imported, so its packages are there.
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

_MEDIA = ("image", "last_image", "images", "videos", "audios")


def lineage_of(prediction: Mapping[str, Any]) -> OperatorLineage[Any, Any]:
    """
    Return media as inputs and videos as outputs; an output's documentation is the prompt.

    :param prediction: What XCom ``prediction`` holds.
    """
    parameters = prediction["parameters"]
    facets = {
        "documentation": DocumentationDatasetFacet(description=parameters.get("prompt", "")),
        "lifecycleStateChange": LifecycleStateChangeDatasetFacet(lifecycleStateChange=LifecycleStateChange.CREATE),
    }
    return OperatorLineage(
        inputs=[dataset for address in _media(parameters) for dataset in _datasets(address)],
        outputs=[dataset for address in prediction["outputs"] for dataset in _datasets(address, facets)],
    )


def _media(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name in _MEDIA:
        value = parameters.get(name)
        yield from ([value] if isinstance(value, str) else value or [])


def _datasets(address: str, facets: Mapping[str, Any] | None = None) -> Iterator[Dataset]:
    """Yield the dataset behind an address, by OpenLineage's naming; none for media that came with the task."""
    if address.startswith("<"):
        return
    parts = urlsplit(address)
    # Neither the signature of a link nor the connection before an @ says what the data are.
    place = parts.netloc.rpartition("@")[2]
    namespace = f"{parts.scheme}://{place}" if parts.scheme and place else "file"
    name = unquote(parts.path) if namespace == "file" else parts.path.lstrip("/")
    yield Dataset(namespace=namespace, name=name, facets=dict(facets or {}))
