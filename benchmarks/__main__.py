"""
Everything in one run, against one mock service: a table, the targets, and all figures as JSON.

.. code-block:: console

    $ python -m benchmarks --waits 100 1000 --repeats 3

The ways to wait are compared at a fixed interval, which all of them know. Then the provider waits once more as it
comes, with its own schedule and its own rate. Absolute times say something of the machine only; ratios carry over.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import ssl
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks import certificates, parsing, report
from benchmarks.case import Figures
from benchmarks.report import OWN_SCHEDULE, PROVIDER, Result
from benchmarks.service import COUNTERS, HOST, Counters
from benchmarks.ways import WAYS, environment

#: Seconds between two looks where all ways look alike, at least.
SHORTEST_INTERVAL = 2.0
#: Looks a second for which the interval becomes longer; more than twice as many leave a core no rest.
HIGHEST_RATE = 200.0
#: How many intervals a generation takes: it is looked for about as often as with the provider's own schedule.
INTERVALS = 8
#: Not a limit for the provider, where ways are compared.
_NO_LIMIT = 10_000.0
#: Seconds that a generation takes where the provider waits as it comes.
USUAL = 90.0
#: Seconds from the end of the first of these generations to the end of the last.
_SPREAD = 5.0
_LONGEST_CASE = 1800.0
_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "aiohttp", "httpx")


@dataclass(frozen=True, slots=True)
class Bench:
    """
    A running service, and how to measure against it.

    :param base_url: Its address.
    :param bundle: The CA bundle to verify it with.
    :param counters: A connection that stays open, to read what the service counted.
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

    def compare(self, way: str, waits: int) -> Result:
        """Measure a way at the interval that all have."""
        interval = 0.25 if waits == 1 else max(SHORTEST_INTERVAL, waits / HIGHEST_RATE)
        return self._case(way, way, waits, _NO_LIMIT, INTERVALS * interval, interval, f"--interval={interval}")

    def as_it_comes(self, waits: int) -> Result:
        """Measure the provider with its own schedule and its own rate."""
        return self._case(OWN_SCHEDULE, PROVIDER, waits, None, USUAL, _SPREAD)

    def _case(
        self, name: str, way: str, waits: int, rate: float | None, seconds: float, spread: float, *options: str
    ) -> Result:
        before = self._count()
        command = [sys.executable, "-m", "benchmarks.case", way, self.base_url, str(waits), *options]
        printed = subprocess.run(  # noqa: S603 - this interpreter and arguments of our own
            [*command, f"--seconds={seconds}", f"--spread={spread}"],
            env=self.environment(rate),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_LONGEST_CASE,
        ).stdout
        after = self._count()
        # The logs of Airflow go to the same place, before it.
        figures = Figures(**json.loads(printed.splitlines()[-1]))
        return Result(name, figures, after.connections - before.connections, after.polls - before.polls)

    def _count(self) -> Counters:
        self.counters.request("GET", COUNTERS)
        return Counters(**json.load(self.counters.getresponse()))


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
    """Measure all cases, one round after the other, so that a change of the machine's load meets all alike."""
    runs: defaultdict[tuple[str, int], list[Result]] = defaultdict(list)
    for number in range(1, repeats + 1):
        for count in [1, *waits]:
            for way in ways:
                print(f"Round {number} of {repeats}: {way}, {count} waits", file=sys.stderr, flush=True)
                runs[way, count].append(bench.compare(way, count))
        for count in waits if PROVIDER in ways else []:
            print(f"Round {number} of {repeats}: {OWN_SCHEDULE}, {count} waits", file=sys.stderr, flush=True)
            runs[OWN_SCHEDULE, count].append(bench.as_it_comes(count))
    return [report.medians(results) for results in runs.values()]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What waiting costs, side by side.")
    parser.add_argument("--waits", type=int, nargs="+", default=[100, 1000], help="how many waits at once")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="which ways to wait")
    parser.add_argument("--repeats", type=int, default=3, help="how often every case is measured; medians are reported")
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks.json"), help="file for all figures")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with running_service() as bench:
        parsed = parsing.measure(bench.environment(), max(given.repeats, 5))
        results = measure(bench, given.ways, given.waits, given.repeats)
    found = list(report.targets(results, parsed))
    machine = {
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "python": platform.python_version(),
        "repeats": given.repeats,
        "packages": {name: version(name) for name in _PACKAGES},
    }
    print(*report.table(results), "", sep="\n")
    for name, seconds in parsed.items():
        print(f"{name:<64} {1000 * seconds:>8.1f} ms")
    print()
    for target in found:
        sign = "at least" if target.is_floor else "at most"
        print(f"{target.name:<64} {target.value:>8.2f} {sign:>9} {target.limit:g}{'' if target.is_met else '  MISSED'}")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    judged = [{"name": each.name, "value": each.value, "limit": each.limit, "met": each.is_met} for each in found]
    everything = {"machine": machine, "results": report.as_json(results), "parsing": parsed, "targets": judged}
    given.output.write_text(json.dumps(everything, indent=2) + "\n")
    print(f"\nAll figures: {given.output}. {machine['cores']} cores, load {load:.1f} before and ", end="")
    print(f"{machine['load_after']:.1f} after, medians of {given.repeats}.")


if __name__ == "__main__":
    main()
