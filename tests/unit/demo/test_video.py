"""A video is measured by what is in it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.video import Clip, write_video
from demo.video import Measurement, download, measure


def test_frames_are_counted_and_sized(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    write_video(Clip(width=320, height=240, seconds=2, sound=True, seed=1, model="any", prompt="a boat"), path)
    assert measure(path) == Measurement(width=320, height=240, seconds=2.0)


def test_a_link_that_is_dead_is_an_error(tmp_path: Path, seedance_emulator: Emulator) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        download(f"{seedance_emulator.url}/outputs/unknown/0.mp4", tmp_path / "video.mp4")
