"""The store of output files: encodes a video at its first download, in a temporary directory of limited size."""

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
from airflow_provider_seedance.gptproto.catalogue import RESOLUTIONS, frame_size

#: Maximum number of files; the least recently used is deleted, and encoded again when it is requested.
MAXIMUM_FILES = 100
#: More parallel encodings would only compete for the processor.
_PARALLEL_ENCODINGS = 2


class Videos:
    """Creates and stores output files."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="seedance-emulator-"))
        self._making: dict[str, asyncio.Task[Path]] = {}
        self._slots = asyncio.Semaphore(_PARALLEL_ENCODINGS)
        self._files: dict[str, Path] = {}

    async def make(self, prediction: Prediction) -> Path:
        """Return the file of a prediction; encode it if it does not exist."""
        clip = clip_of(prediction)
        name = hashlib.sha256(json.dumps(asdict(clip)).encode()).hexdigest()
        if name not in self._files:
            # Several callers can wait for one file: a cancelled caller must not cancel the encoding.
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
    """Return the clip to encode for a prediction."""
    # No size is published for 4k: the file has the largest that is.
    published = (prediction.resolution, RESOLUTIONS[-1])
    sizes = (frame_size(prediction.model, each, prediction.aspect_ratio) for each in published)
    size = next((each for each in sizes if each is not None), None)
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
