"""
The marker of a shape in a prompt: ``[shape:output-text]``, or ``[shape:failed*1]`` for the first poll only.

The names are those of :data:`~airflow_provider_seedance.emulator.shapes.SHAPES`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from airflow_provider_seedance.emulator.shapes import SHAPES, Shape

_MARK = re.compile(r"\[shape:([^\]]*)\]", re.IGNORECASE)
_PARTS = re.compile(r"([\w-]+)(?:\*([1-9]\d{0,5}))?")


class MarkError(ValueError):
    """Raised for a marker that names no shape."""


@dataclass(frozen=True, slots=True)
class Mark:
    """
    A marker.

    :param shape: The shape.
    :param polls: Number of polls that are answered so; ``None`` for the submission and all polls.
    """

    shape: Shape
    polls: int | None = None

    def for_submission(self) -> Shape | None:
        """Return the shape of the answer to the submission, or ``None`` for the usual answer."""
        is_later = self.polls is not None or self.shape.ends is not None
        return self.shape if self.shape.answers("submit") and not is_later else None

    def for_poll(self, number: int, status: str) -> Shape | None:
        """
        Return the shape of the answer to a poll, or ``None`` for the usual answer.

        :param number: Number of the poll; the first one is 1.
        :param status: The true status of the prediction.
        """
        if not self.shape.answers("result") or not self.shape.fits(status):
            return None
        if self.polls is not None:
            return self.shape if number <= self.polls else None
        # The prediction itself ends so, at its usual time.
        return self.shape if self.shape.ends in (None, status) else None


def read_mark(prompt: str) -> Mark | None:
    """
    Return the marker in a prompt, or ``None``.

    :raises MarkError: The prompt has two markers, or one that names no shape.
    """
    found = _MARK.findall(prompt)
    if not found:
        return None
    if len(found) > 1:
        raise MarkError("prompt: only one [shape:...] is allowed")
    parts = _PARTS.fullmatch(found[0].strip().lower())
    if parts is None:
        raise MarkError(f"prompt: [shape:{found[0]}] is not [shape:NAME] or [shape:NAME*POLLS]")
    name, polls = parts[1], parts[2]
    if name not in SHAPES:
        similar = difflib.get_close_matches(name, SHAPES)
        hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
        raise MarkError(
            f"prompt: unknown shape {name}{hint} python -m airflow_provider_seedance.emulator --shapes lists all"
        )
    if polls is not None and not SHAPES[name].answers("result"):
        raise MarkError(f"prompt: {name} is the answer to a submission; a number of polls is not allowed")
    return Mark(SHAPES[name], None if polls is None else int(polls))
