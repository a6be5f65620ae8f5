"""A command is ended with everything it started, whatever becomes of whoever started it."""

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

pytestmark = pytest.mark.real_time("processes take their time to end, and are looked at now and then")

#: A command that starts another one.
FAMILY = ["sh", "-c", "sleep 300 & echo started; sleep 300; true"]
#: A program that starts a command, tells the ids of its processes, and waits.
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


def wait_for_family(session: Session) -> list[psutil.Process]:
    until(lambda: len(session.processes()) == 3)
    return session.processes()


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, "it did not happen"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_its_end_is_the_end_of_all(log: Path) -> None:
    session = Session(FAMILY, environment=os.environ, log=log)
    family = wait_for_family(session)
    session.end()
    assert not session.processes()
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    assert log.read_text() == "started\n"


def test_its_end_can_come_twice(log: Path) -> None:
    session = Session(FAMILY, environment=os.environ, log=log)
    session.end()
    session.end()
    assert not session.is_running


def test_what_it_leaves_behind_is_ended_too(log: Path) -> None:
    session = Session(["sh", "-c", "sleep 300 &"], environment=os.environ, log=log)
    until(lambda: not session.is_running)
    assert not session.processes()
    session.end()


def test_it_is_ended_when_its_keeper_is_killed(log: Path) -> None:
    session = Session(FAMILY, environment=os.environ, log=log)
    [keeper] = {process.parent() for process in wait_for_family(session)} - set(session.processes())
    assert keeper is not None
    keeper.kill()
    session.end()
    assert not session.processes()


def test_it_is_ended_when_its_starter_is_killed(log: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - the program above
        [sys.executable, "-c", STARTER, str(log), *FAMILY], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        family = [psutil.Process(int(pid)) for pid in starter.stdout.readline().split()]
        assert len(family) == 3
        starter.kill()
    _, left = psutil.wait_procs(family, timeout=30)
    assert not left


def test_a_signal_that_was_ignored_is_not_for_the_command(log: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        session = Session(["sh", "-c", "kill -INT $$; echo survived"], environment=os.environ, log=log)
    finally:
        signal.signal(signal.SIGINT, before)
    until(lambda: not session.is_running)
    session.end()
    assert log.read_text() == ""


def test_who_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_PATIENCE", 0.1)
    deaf = ["/bin/sh", "-c", "trap '' TERM; sleep 300 & echo started; wait"]
    with subprocess.Popen(deaf, stdout=subprocess.PIPE, start_new_session=True) as leader:  # noqa: S603 - the above
        assert leader.stdout is not None
        leader.stdout.readline()
        sessions.end_members(leader.pid)
        # A busy kernel takes its time to end what was killed.
        _, left = psutil.wait_procs(sessions.members(leader.pid), timeout=30)
        leader.kill()
    assert not left
