"""Start the mock service, and measure plans against it."""

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
from benchmarks.case import Figures, Result
from benchmarks.plan import Plan
from benchmarks.service import COUNTERS, HOST, RATE_LIMIT, Counters
from benchmarks.ways import environment

_CASE_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True)
class Bench:
    """
    A running mock service, and measurements against it.

    :param base_url: Base URL of the service.
    :param bundle: CA bundle that verifies the service.
    :param counters: An open connection that reads the service's counters and sets its rate limit.
    :param folder: A folder for temporary files.
    """

    base_url: str
    bundle: str
    counters: http.client.HTTPSConnection
    folder: Path

    def environment(self, polls_per_second: float | None = None) -> Mapping[str, str]:
        """
        Return the environment of a measuring process.

        It has no proxy and no settings of another Airflow, and it caches compiled modules, as an Airflow host does.
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
        """Measure one plan in a separate process."""
        self.limit_rate(plan.allowed)
        before = self.count()
        command = [sys.executable, "-m", "benchmarks.case", plan.way, self.base_url, str(plan.waits)]
        options = [f"--seconds={plan.seconds}", f"--spread={plan.spread}", f"--sigma={plan.sigma}"]
        if plan.interval is not None:
            options.append(f"--interval={plan.interval}")
        printed = subprocess.run(  # noqa: S603 - this interpreter and our arguments
            [*command, *options],
            env=self.environment(plan.rate),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_CASE_TIMEOUT,
        ).stdout
        after = self.count()
        # Airflow writes its logs to stdout, too; the figures are the last line.
        figures = Figures(**json.loads(printed.splitlines()[-1]))
        return Result(
            name=plan.name,
            figures=figures,
            connections=after.connections - before.connections,
            polls=after.polls - before.polls,
            refused=after.refused - before.refused,
        )

    def limit_rate(self, requests_per_second: float | None) -> None:
        """Set the rate limit of the service; ``None`` removes it."""
        self._get(RATE_LIMIT.format(math.inf if requests_per_second is None else requests_per_second))

    def count(self) -> Counters:
        """Return the service's counters."""
        return Counters(**self._get(COUNTERS))

    def _get(self, path: str) -> Any:
        self.counters.request("GET", path)
        return json.load(self.counters.getresponse())


@contextlib.contextmanager
def running_service() -> Iterator[Bench]:
    """Run the mock service for the duration of a ``with`` block."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seedance-benchmarks-")))
        files = certificates.make(folder, HOST)
        service = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - this interpreter and our arguments
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
