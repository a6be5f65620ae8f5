"""
The files that a transfer stored: the value of XCom ``stored``, and which generation a file belongs to.

It imports only the standard library, so that the plugin can read the value as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

#: The key of the XCom.
STORED = "stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """
    A stored video.

    :param path: Its path, for ``ObjectStoragePath``.
    :param source: The link that it came from, without query and fragment.
    :param index: Its index among the outputs that were stored together.
    :param bytes: Its size.
    :param sha256: SHA-256 of its content, in hex.
    :param width: Width of its frames in pixels; ``None`` if unknown, as is ``height``.
    :param height: Height of its frames in pixels.
    :param seconds: Its length; ``None`` if unknown.
    :param poster: The path of its poster image; ``None`` without one.
    :param sidecar: The path of the JSON file that describes it; ``None`` without one.
    """

    path: str
    source: str
    index: int
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    poster: str | None = None
    sidecar: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the file as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, stored: Any) -> Self | None:
        """Return the file that :meth:`to_dict` described, or ``None`` if it is not one. Unknown fields are ignored."""
        if not isinstance(stored, Mapping):
            return None
        values: dict[str, Any] = {name: stored.get(name) for name in _TYPES}
        is_valid = all(
            isinstance(value, _TYPES[name]) and not isinstance(value, bool) for name, value in values.items()
        )
        return cls(**values) if is_valid else None


#: The types of the fields of a file.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "path": str,
    "source": str,
    "index": int,
    "bytes": int,
    "sha256": str,
    "width": (int, type(None)),
    "height": (int, type(None)),
    "seconds": (int, float, type(None)),
    "poster": (str, type(None)),
    "sidecar": (str, type(None)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFiles:
    """
    The value of XCom ``stored``.

    :param prediction_id: The prediction of the files; ``None`` if the task was given links only.
    :param files: The files, in the order of their index.
    """

    prediction_id: str | None = None
    files: tuple[StoredFile, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the files as JSON values."""
        return {"prediction_id": self.prediction_id, "files": [file.to_dict() for file in self.files]}

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Return the files that :meth:`to_dict` described; none if the value is anything else."""
        if not isinstance(stored, Mapping):
            return cls()
        prediction_id, listed = stored.get("prediction_id"), stored.get("files")
        if not isinstance(prediction_id, (str, type(None))) or not isinstance(listed, list):
            return cls()
        files = [StoredFile.from_dict(each) for each in listed]
        # Without one of them, the positions of the others would change.
        valid = tuple(file for file in files if file is not None)
        return cls(prediction_id=prediction_id, files=valid) if len(valid) == len(files) else cls()

    def positions_of(self, prediction_id: str | None, outputs: Iterable[str] = ()) -> tuple[int, ...]:
        """
        Return the positions in ``files`` of the files that belong to a generation.

        With a prediction id here, all belong to that prediction. Without one, a file belongs to the generation that
        has an output with its address.

        :param prediction_id: The generation's prediction.
        :param outputs: The links to the generation's outputs.
        """
        if self.prediction_id is not None:
            return tuple(range(len(self.files))) if self.prediction_id == prediction_id else ()
        sources = {without_query(link) for link in outputs}
        return tuple(position for position, file in enumerate(self.files) if file.source in sources)


def without_query(link: str) -> str:
    """Return a link without query and fragment: a link that is signed again differs only there."""
    return link.partition("#")[0].partition("?")[0]
