"""
Run commands whose whole process tree ends with them, or with the process that started them.

A command runs in its own POSIX session under a supervisor, which is this file run as a program. The supervisor reads
from a pipe. When the other end closes, on purpose or because its process was killed, the supervisor ends every process
of the session.
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

#: Airflow's scheduler may need a second SIGTERM.
_SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)
_SIGNAL_TIMEOUT = 5.0


class Session:
    """
    A running command with all processes that it starts.

    :param command: The command.
    :param environment: Its environment.
    :param log: File to which its output is appended.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._supervisor = subprocess.Popen(  # noqa: S603 - the caller's command
                [sys.executable, "-P", __file__, *command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether the command is running."""
        return self._supervisor.poll() is None

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of the session, without its supervisor."""
        return members(self._supervisor.pid)

    def end(self) -> None:
        """End every process of the session."""
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        try:
            self._supervisor.wait(timeout=_SIGNAL_TIMEOUT * (len(_SIGNALS) + 1))
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        # The supervisor has ended them, unless it was killed.
        end_members(self._supervisor.pid)


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
    """End the processes of a session, except its leader, with SIGKILL if they ignore SIGTERM."""
    for number in _SIGNALS:
        deadline = time.monotonic() + _SIGNAL_TIMEOUT
        signalled: set[int] = set()
        while remaining := members(session):
            for process in remaining:
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


def supervise(command: Sequence[str]) -> int:
    """
    Run a command until it ends or standard input closes, then end the other processes of the session.

    :param command: The command.
    :return: The command's exit code.
    """
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    # A background job of a script ignores some signals, and the command would inherit that.
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
    sys.exit(supervise(sys.argv[1:]))
