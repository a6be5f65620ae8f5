"""
Python processes that start at once: forks of a process that has imported Airflow, which takes it two seconds.

A fork has its own arguments, environment, standard streams and exit of the interpreter. What is read or printed while
modules are imported is the first process's: a test of that needs a new process. For Linux.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile

#: Modules that the forks run, or import.
_MODULES = ("airflow.cli.cli_parser", "airflow_provider_seedance.cli.commands", "s3fs", "tests.s3")
_ROOT = Path(__file__).parents[1]
#: Without the changes that tests make.
_ENVIRONMENT = dict(os.environ)


class WarmProcess:
    """
    A process that runs a module in the project's folder, like ``python -m``.

    :param arguments: The module's name and its arguments.
    :param stdout: The descriptor of its standard output.
    :param stdin: The same of its input; ``None`` is an empty one.
    """

    def __init__(self, *arguments: str, stdout: int, stderr: int, stdin: int | None = None) -> None:
        self._link, link = socket.socketpair()
        streams = [stdout, stderr] if stdin is None else [stdout, stderr, stdin]
        with link:
            socket.send_fds(_server(), [b"\0"], [link.fileno(), *streams])
        self._link.sendall(json.dumps([arguments, dict(os.environ)]).encode())
        self._link.shutdown(socket.SHUT_WR)

    def wait(self) -> int:
        """Return the exit code, once the process has ended."""
        with self._link, self._link.makefile() as reader:
            code = reader.read()
        assert code, "the warm process has ended early"
        return int(code)


def run_warm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module without input, and return its output, like ``subprocess.run``."""
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        process = WarmProcess(*arguments, stdout=stdout.fileno(), stderr=stderr.fileno())
        code = process.wait()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


@functools.cache
def _server() -> socket.socket:
    """Start the process that forks, and return the socket that it reads."""
    ours, theirs = socket.socketpair()
    with theirs:
        server = subprocess.Popen(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=_ROOT,
            env=_ENVIRONMENT,
        )
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def _serve(requests: socket.socket) -> None:
    """Fork for each request until the other end is closed; return in a process that has run its module."""
    for name in _MODULES:
        import_module(name)
    # The forks do not collect what they share.
    gc.freeze()
    # The kernel reaps the forks.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 1, 4)
        if not data or os.fork() == 0:
            break
        for each in descriptors:
            os.close(each)
    requests.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if descriptors:
        _run(*descriptors)


def _run(link: int, *streams: int) -> None:
    with socket.socket(fileno=link) as ended:
        with ended.makefile() as reader:
            arguments, environment = json.load(reader)
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            ended.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
    for number, stream in zip((1, 2, 0), streams, strict=False):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
