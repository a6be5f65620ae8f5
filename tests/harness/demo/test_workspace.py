"""A run's folder remains until the next run, and during the run."""

from __future__ import annotations

from pathlib import Path

from demo.workspace import workspace


def test_workspace_folder_remains_after_the_run(tmp_path: Path) -> None:
    with workspace(tmp_path / "demo") as folder:
        (folder / "video.mp4").touch()
    assert (folder / "video.mp4").exists()


def test_next_run_removes_the_workspace_folder(tmp_path: Path) -> None:
    with workspace(tmp_path) as first:
        pass
    with workspace(tmp_path) as second:
        assert not first.exists()
        assert second.exists()


def test_active_run_keeps_its_workspace_folder(tmp_path: Path) -> None:
    with workspace(tmp_path) as first, workspace(tmp_path) as second:
        assert first.exists()
        assert first != second
