"""The output files: made at the first download, kept in a bounded temporary folder."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from airflow_provider_seedance.emulator.predictions import Prediction
from airflow_provider_seedance.emulator.video import Clip, write_video
from airflow_provider_seedance.gptproto.catalogue import frame_size

#: How many files are kept; an older one is made anew when it is asked for again.
MAXIMUM_FILES = 100
#: More at a time would only take processor time from one another.
_AT_ONCE = 2


class Videos:
    """Makes and keeps output files."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="seedance-emulator-"))
        self._making: dict[str, asyncio.Task[Path]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._files: dict[str, Path] = {}

    async def make(self, prediction: Prediction) -> Path:
        """Return the file of a prediction, made now if need be."""
        clip = clip_of(prediction)
        name = hashlib.sha256(json.dumps(asdict(clip)).encode()).hexdigest()
        if name not in self._files:
            # A caller who goes away must not spoil the file for another who waits for the same one.
            if name not in self._making:
                self._making[name] = asyncio.create_task(self._write(clip, name))
                self._making[name].add_done_callback(lambda _: self._making.pop(name, None))
            await asyncio.shield(self._making[name])
        self._files[name] = self._files.pop(name)
        return self._files[name]

    def close(self) -> None:
        """Remove all files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _write(self, clip: Clip, name: str) -> Path:
        path = self._folder / f"{name}.mp4"
        async with self._slots:
            await asyncio.to_thread(write_video, clip, path)
        self._files[name] = path
        while len(self._files) > MAXIMUM_FILES:
            self._files.pop(next(iter(self._files))).unlink(missing_ok=True)
        return path


def clip_of(prediction: Prediction) -> Clip:
    """Return what the video of a prediction looks like."""
    size = frame_size(prediction.model, prediction.resolution, prediction.aspect_ratio)
    if size is None:
        raise ValueError(f"no frame size is published for {prediction.model}")
    return Clip(
        width=size.width,
        height=size.height,
        seconds=prediction.seconds,
        sound=prediction.sound,
        seed=prediction.seed,
        model=prediction.model,
        prompt=prediction.prompt,
    )
