"""A run's folder stays until the next run, and is left alone while the run goes on."""

from __future__ import annotations

from pathlib import Path

from demo.workspace import workspace


def test_folder_stays_after_the_run(tmp_path: Path) -> None:
    with workspace(tmp_path / "demo") as folder:
        (folder / "video.mp4").touch()
    assert (folder / "video.mp4").exists()


def test_next_run_removes_it(tmp_path: Path) -> None:
    with workspace(tmp_path) as first:
        pass
    with workspace(tmp_path) as second:
        assert not first.exists()
        assert second.exists()


def test_a_run_that_goes_on_keeps_its_folder(tmp_path: Path) -> None:
    with workspace(tmp_path) as first, workspace(tmp_path) as second:
        assert first.exists()
        assert first != second
