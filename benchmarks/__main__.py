"""
Everything in one run, against one mock service: a table, the targets, and all figures as JSON.

.. code-block:: console

    $ python -m benchmarks --waits 100 1000 5000 --repeats 3

Absolute times say something of the machine only; ratios carry over.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import math
import os
import platform
import ssl
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import certificates, parsing, report, slots, triggerer
from benchmarks.case import Figures
from benchmarks.deferrals import TRIGGERS
from benchmarks.plan import Plan, plans
from benchmarks.report import Result
from benchmarks.service import ALLOW, COUNTERS, HOST, Counters
from benchmarks.triggerer import TriggererFigures
from benchmarks.ways import WAYS, environment

_LONGEST_CASE = 1800.0
_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "aiohttp", "httpx")


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
        self._get(ALLOW.format(math.inf if plan.allowed is None else plan.allowed))
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

    def measure_triggerer(self, way: str) -> TriggererFigures:
        """Let a real triggerer wait, with the provider's own rate."""
        self._get(ALLOW.format(math.inf))
        return triggerer.measure(way, self.environment(), self.count)

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


def measure(bench: Bench, ways: list[str], waits: list[int], repeats: int) -> list[Result]:
    """Measure everything, one round after the other, so that a change of the machine's load meets all alike."""
    runs: defaultdict[tuple[str, int], list[Result]] = defaultdict(list)
    for number in range(1, repeats + 1):
        for plan in plans(ways, waits):
            print(f"Round {number} of {repeats}: {plan.name}, {plan.waits} waits", file=sys.stderr, flush=True)
            runs[plan.name, plan.waits].append(bench.measure(plan))
    return [report.medians(results) for results in runs.values()]


def measure_triggerers(bench: Bench, repeats: int) -> list[TriggererFigures]:
    """Measure what a thousand waits cost in a real triggerer, one way after the other."""
    runs: defaultdict[str, list[TriggererFigures]] = defaultdict(list)
    for number in range(1, repeats + 1):
        for way in TRIGGERS:
            print(f"Round {number} of {repeats}: {way} in a real triggerer", file=sys.stderr, flush=True)
            runs[way].append(bench.measure_triggerer(way))
    return [report.middle(each) for each in runs.values()]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What waiting costs, side by side.")
    parser.add_argument("--waits", type=int, nargs="+", default=[100, 1000, 5000], help="how many waits at once")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="which ways to wait")
    parser.add_argument("--repeats", type=int, default=3, help="how often every case is measured; medians are reported")
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks.json"), help="file for all figures")
    parser.add_argument("--without-airflow", action="store_true", help="start no Airflow: neither triggerer nor slots")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with running_service() as bench:
        parsed = parsing.measure(bench.environment(), max(given.repeats, 5))
        results = measure(bench, given.ways, given.waits, given.repeats)
        triggerers = [] if given.without_airflow else measure_triggerers(bench, given.repeats)
    slot = None if given.without_airflow else slots.measure()
    found = list(report.targets(results, parsed))
    machine = {
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "python": platform.python_version(),
        "repeats": given.repeats,
        "packages": {name: version(name) for name in _PACKAGES},
    }
    print(*report.table(results), "", *report.table_of_triggerers(triggerers), "", sep="\n")
    if slot is not None:
        held, freed = slot.on_worker, slot.deferred
        print(f"worker slot of a generation of 90 s: {held:.1f} s held, {freed:.2f} s deferred", end="\n\n")
    for name, seconds in parsed.items():
        print(f"{name:<64} {1000 * seconds:>8.1f} ms")
    print()
    for target in found:
        sign = "at least" if target.is_floor else "at most"
        print(f"{target.name:<64} {target.value:>8.2f} {sign:>9} {target.limit:g}{'' if target.is_met else '  MISSED'}")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    judged = [{"name": each.name, "value": each.value, "limit": each.limit, "met": each.is_met} for each in found]
    everything = {
        "machine": machine,
        "results": report.as_json(results),
        "triggerers": [asdict(each) for each in triggerers],
        "slots": slot and asdict(slot),
        "parsing": parsed,
        "targets": judged,
    }
    given.output.write_text(json.dumps(everything, indent=2) + "\n")
    print(f"\nAll figures: {given.output}. {machine['cores']} cores, load {load:.1f} before and ", end="")
    print(f"{machine['load_after']:.1f} after, medians of {given.repeats}.")


if __name__ == "__main__":
    main()
