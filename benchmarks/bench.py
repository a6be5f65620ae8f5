"""The mock service while it runs, and how one plan is measured against it."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import certificates
from benchmarks.case import Figures
from benchmarks.plan import Plan
from benchmarks.report import Result
from benchmarks.service import ALLOW, COUNTERS, HOST, Counters
from benchmarks.ways import environment

_LONGEST_CASE = 1800.0


@dataclass(frozen=True, slots=True)
class Bench:
    """
    A running service, and how to measure against it.

    :param base_url: Its address.
    :param bundle: The CA bundle to verify it with.
    :param counters: A connection that stays open, to read what the service counted and tell it what to allow.
    :param folder: A folder for what is only needed meanwhile.
    """

    base_url: str
    bundle: str
    counters: http.client.HTTPSConnection
    folder: Path

    def environment(self, polls_per_second: float | None = None) -> Mapping[str, str]:
        """
        Return the environment of a measuring process.

        Proxies and settings of Airflow do not reach it, and compiled modules are kept, as they are where Airflow runs.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("AIRFLOW")
            and not name.lower().endswith("_proxy")
            and name != "PYTHONDONTWRITEBYTECODE"
        }
        airflow = {"AIRFLOW_HOME": str(self.folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        return {**kept, **airflow, **environment(self.base_url, self.bundle, polls_per_second)}

    def measure(self, plan: Plan) -> Result:
        """Carry out one plan, in a process of its own."""
        self.allow(plan.allowed)
        before = self.count()
        command = [sys.executable, "-m", "benchmarks.case", plan.way, self.base_url, str(plan.waits)]
        options = [f"--seconds={plan.seconds}", f"--spread={plan.spread}", f"--sigma={plan.sigma}"]
        if plan.interval is not None:
            options.append(f"--interval={plan.interval}")
        printed = subprocess.run(  # noqa: S603 - this interpreter and arguments of our own
            [*command, *options],
            env=self.environment(plan.rate),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_LONGEST_CASE,
        ).stdout
        after = self.count()
        # The logs of Airflow go to the same place, before it.
        figures = Figures(**json.loads(printed.splitlines()[-1]))
        return Result(
            name=plan.name,
            figures=figures,
            connections=after.connections - before.connections,
            polls=after.polls - before.polls,
            refused=after.refused - before.refused,
        )

    def allow(self, requests_per_second: float | None) -> None:
        """Tell the service how many requests a second it allows; ``None`` for all."""
        self._get(ALLOW.format(math.inf if requests_per_second is None else requests_per_second))

    def count(self) -> Counters:
        """Return what the service has counted so far."""
        return Counters(**self._get(COUNTERS))

    def _get(self, path: str) -> Any:
        self.counters.request("GET", path)
        return json.load(self.counters.getresponse())


@contextlib.contextmanager
def running_service() -> Iterator[Bench]:
    """Run the mock service for the length of a ``with`` block."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seedance-benchmarks-")))
        files = certificates.make(folder, HOST)
        service = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - this interpreter and arguments of our own
                [sys.executable, "-m", "benchmarks.service", files.certificate, files.key],
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(service.terminate)
        assert service.stdout is not None  # noqa: S101 - it is a pipe
        port = int(service.stdout.readline())
        context = ssl.create_default_context(cafile=files.bundle)
        counters = http.client.HTTPSConnection(HOST, port, context=context)
        stack.callback(counters.close)
        yield Bench(f"https://{HOST}:{port}", str(files.bundle), counters, folder)
