"""A folder for each run; folders of finished runs are removed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """
    Create a folder that remains after the ``with`` block until the next run starts.

    :param parent: Parent folder. Folders of active runs in it are not removed.
    """
    parent.mkdir(exist_ok=True)
    with (parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in parent.iterdir():
            if folder.is_dir() and not _is_in_use(folder):
                shutil.rmtree(folder)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
        folder_lock = _folder_lock(folder)
        fcntl.flock(folder_lock, fcntl.LOCK_EX)
    with folder_lock:
        yield folder


def _folder_lock(folder: Path) -> IO[str]:
    return (folder / "in_use").open("w")


def _is_in_use(folder: Path) -> bool:
    with _folder_lock(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
