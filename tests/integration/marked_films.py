"""Films of the emulator for tests that do not look at the pictures, because encoding takes longer than the rest."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from airflow_provider_seedance.emulator.video import Clip, write_video


def write_marked_film(clip: Clip, path: Path) -> None:
    """Write a film of the clip's length and size. Other clips have other bytes: the last box has their parameters."""
    mark = json.dumps(asdict(clip)).encode()
    # Players skip a box "free" (ISO/IEC 14496-12, section 8.1.2).
    path.write_bytes(_encode(replace(clip, seed=0, model="", prompt="")) + (8 + len(mark)).to_bytes(4) + b"free" + mark)


@functools.cache
def _encode(clip: Clip) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        write_video(clip, path)
        return path.read_bytes()
