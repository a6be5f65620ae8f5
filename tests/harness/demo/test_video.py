"""Download and measurement of a video."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.video import Clip, write_video
from demo.video import Measurement, download, measure


def test_measurement_has_frame_size_and_length(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    write_video(Clip(width=320, height=240, seconds=2, sound=True, seed=1, model="any", prompt="a boat"), path)
    assert measure(path) == Measurement(width=320, height=240, seconds=2.0)


def test_download_from_dead_link_fails(tmp_path: Path, seedance_emulator: Emulator) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        download(f"{seedance_emulator.url}/outputs/unknown/0.mp4", tmp_path / "video.mp4")
