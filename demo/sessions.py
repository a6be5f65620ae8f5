"""
Commands that are ended with everything they started, and also when whoever started them is gone.

A command runs in a session of its own under a keeper, which is this file run as a program. The keeper holds the other
end of a pipe: once that closes, on purpose or because the process that held it was killed, the keeper ends every
process of the session.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

#: Airflow's scheduler may need the second one.
_SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)
_PATIENCE = 5.0


class Session:
    """
    A running command with all that it starts.

    :param command: The command.
    :param environment: Its environment.
    :param log: File that its output is appended to.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._keeper = subprocess.Popen(  # noqa: S603 - the caller's command
                [sys.executable, "-P", __file__, *command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether the command has not ended."""
        return self._keeper.poll() is None

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of the session, without its keeper."""
        return members(self._keeper.pid)

    def end(self) -> None:
        """End every process of the session."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        try:
            self._keeper.wait(timeout=_PATIENCE * (len(_SIGNALS) + 1))
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        # Nothing is left for this one unless the keeper was killed, here or by somebody else.
        end_members(self._keeper.pid)


def members(session: int) -> list[psutil.Process]:
    """Return the running processes of a session, without its leader."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if (
                process.pid != session
                and os.getsid(process.pid) == session
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


def end_members(session: int) -> None:
    """End the processes of a session, its leader excepted, whether they like it or not."""
    for number in _SIGNALS:
        deadline = time.monotonic() + _PATIENCE
        signalled: set[int] = set()
        while left := members(session):
            for process in left:
                if process.pid not in signalled:
                    signalled.add(process.pid)
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        else:
            return


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(1)


def keep(command: Sequence[str]) -> int:
    """
    Run a command until it ends or standard input does, then end the rest of the session.

    :param command: The command.
    :return: The command's exit code.
    """
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    # Started from a script's background, they would be ignored, and the command would inherit that.
    for each in signals:
        signal.signal(each, _stop)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the caller's command
        while child.poll() is None and not select.select([sys.stdin], [], [], 0.2)[0]:
            pass
    finally:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        end_members(os.getpid())
    return child.wait()


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
