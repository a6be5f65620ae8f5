"""A folder for each run, and the end of the ones that earlier runs left behind."""

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
    Make a folder that stays after the ``with`` block, until the next run starts.

    :param parent: Where it is made. Folders of runs that are still going on are left alone.
    """
    parent.mkdir(exist_ok=True)
    with (parent / "lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for folder in parent.iterdir():
            if folder.is_dir() and not _is_in_use(folder):
                shutil.rmtree(folder)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
        mark = _mark(folder)
        fcntl.flock(mark, fcntl.LOCK_EX)
    with mark:
        yield folder


def _mark(folder: Path) -> IO[str]:
    return (folder / "in_use").open("w")


def _is_in_use(folder: Path) -> bool:
    with _mark(folder) as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
