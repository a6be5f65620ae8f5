"""A session ends its command with all child processes, even if its starter or its supervisor is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from demo import sessions
from demo.sessions import Session

pytestmark = pytest.mark.real_time("waits for the end of real processes")

#: A command that starts another one.
PROCESS_TREE = ["sh", "-c", "sleep 300 & echo started; sleep 300; true"]
#: A program that starts a command, prints the ids of its processes, and waits.
STARTER = """
import os, sys, time
from pathlib import Path
from demo.sessions import Session

session = Session(sys.argv[2:], environment=os.environ, log=Path(sys.argv[1]))
while len(processes := session.processes()) < 3:
    time.sleep(0.05)
print(*(process.pid for process in processes), flush=True)
time.sleep(300)
"""


def wait_for_tree(session: Session) -> list[psutil.Process]:
    until(lambda: len(session.processes()) == 3)
    return session.processes()


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline, "it did not happen"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_end_of_session_ends_all_processes(log: Path) -> None:
    session = Session(PROCESS_TREE, environment=os.environ, log=log)
    tree = wait_for_tree(session)
    session.end()
    assert not session.processes()
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in tree)
    assert log.read_text() == "started\n"


def test_session_can_be_ended_twice(log: Path) -> None:
    session = Session(PROCESS_TREE, environment=os.environ, log=log)
    session.end()
    session.end()
    assert not session.is_running


def test_background_processes_of_an_ended_command_are_ended(log: Path) -> None:
    session = Session(["sh", "-c", "sleep 300 &"], environment=os.environ, log=log)
    until(lambda: not session.is_running)
    assert not session.processes()
    session.end()


def test_session_ends_after_its_supervisor_is_killed(log: Path) -> None:
    session = Session(PROCESS_TREE, environment=os.environ, log=log)
    [supervisor] = {process.parent() for process in wait_for_tree(session)} - set(session.processes())
    assert supervisor is not None
    supervisor.kill()
    session.end()
    assert not session.processes()


def test_session_ends_when_its_starter_is_killed(log: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - the program above
        [sys.executable, "-c", STARTER, str(log), *PROCESS_TREE], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        tree = [psutil.Process(int(pid)) for pid in starter.stdout.readline().split()]
        assert len(tree) == 3
        starter.kill()
    _, remaining = psutil.wait_procs(tree, timeout=30)
    assert not remaining


def test_command_does_not_inherit_ignored_signals(log: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        session = Session(["sh", "-c", "kill -INT $$; echo survived"], environment=os.environ, log=log)
    finally:
        signal.signal(signal.SIGINT, before)
    until(lambda: not session.is_running)
    session.end()
    assert log.read_text() == ""


def test_process_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_SIGNAL_TIMEOUT", 0.1)
    command = ["/bin/sh", "-c", "trap '' TERM; sleep 300 & echo started; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as leader:  # noqa: S603 - the above
        assert leader.stdout is not None
        leader.stdout.readline()
        sessions.end_members(leader.pid)
        # On a busy machine, a killed process needs time to end.
        _, remaining = psutil.wait_procs(sessions.members(leader.pid), timeout=30)
        leader.kill()
    assert not remaining
