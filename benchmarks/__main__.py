"""
Run all benchmarks against one mock service; print a table and the targets, and write all figures as JSON.

.. code-block:: console

    $ python -m benchmarks --waits 1000 5000 --repeats 3

Absolute times depend on the machine; compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections import defaultdict
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from benchmarks import parsing, report, slots, triggerer
from benchmarks.bench import Bench, running_service
from benchmarks.case import Result
from benchmarks.deferrals import TRIGGERS
from benchmarks.plan import plans
from benchmarks.triggerer import TriggererFigures
from benchmarks.ways import WAYS

_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "aiohttp", "httpx")


def measure(bench: Bench, ways: list[str], waits: list[int], repeats: int) -> list[Result]:
    """Measure every plan in rounds, so that a change of the machine's load affects all plans alike."""
    runs: defaultdict[tuple[str, int], list[Result]] = defaultdict(list)
    for number in range(1, repeats + 1):
        for plan in plans(ways, waits):
            print(f"Round {number} of {repeats}: {plan.name}, {plan.waits} waits", file=sys.stderr, flush=True)
            runs[plan.name, plan.waits].append(bench.measure(plan))
    return [report.medians(results) for results in runs.values()]


def measure_triggerers(bench: Bench, repeats: int) -> list[TriggererFigures]:
    """Measure what a thousand waits cost in a real triggerer, one way at a time."""
    runs: defaultdict[str, list[TriggererFigures]] = defaultdict(list)
    for number in range(1, repeats + 1):
        for way in TRIGGERS:
            print(f"Round {number} of {repeats}: {way} in a real triggerer", file=sys.stderr, flush=True)
            bench.limit_rate(None)
            runs[way].append(triggerer.measure(way, bench.environment(), bench.count))
    return [report.median_figures(each) for each in runs.values()]


def main() -> None:
    """Run the benchmarks and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare what waiting costs.")
    parser.add_argument("--waits", type=int, nargs="+", default=[1000, 5000], help="numbers of simultaneous waits")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="ways to wait")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each case; medians are reported")
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks.json"), help="file for all figures")
    parser.add_argument("--without-airflow", action="store_true", help="skip the triggerer and the worker slots")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with running_service() as bench:
        parsed = parsing.measure(bench.environment(), max(arguments.repeats, 5))
        results = measure(bench, arguments.ways, arguments.waits, arguments.repeats)
        triggerers = [] if arguments.without_airflow else measure_triggerers(bench, arguments.repeats)
    slot = None if arguments.without_airflow else slots.measure()
    found = list(report.targets(results, parsed))
    machine = {
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "python": platform.python_version(),
        "repeats": arguments.repeats,
        "packages": {name: version(name) for name in _PACKAGES},
    }
    print(*report.table(results), "", *report.triggerer_table(triggerers), "", sep="\n")
    if slot is not None:
        held, freed = slot.on_worker, slot.deferred
        print(f"worker slot of a generation of 90 s: {held:.1f} s held, {freed:.2f} s deferred", end="\n\n")
    for name, seconds in parsed.items():
        print(f"{name:<64} {1000 * seconds:>8.1f} ms")
    print()
    for target in found:
        sign = "at least" if target.is_floor else "at most"
        print(f"{target.name:<64} {target.value:>8.2f} {sign:>9} {target.limit:g}{'' if target.is_met else '  MISSED'}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    judgements = [{"name": each.name, "value": each.value, "limit": each.limit, "met": each.is_met} for each in found]
    everything = {
        "machine": machine,
        "results": report.as_json(results),
        "triggerers": [asdict(each) for each in triggerers],
        "slots": slot and asdict(slot),
        "parsing": parsed,
        "targets": judgements,
    }
    arguments.output.write_text(json.dumps(everything, indent=2) + "\n")
    print(f"\nAll figures: {arguments.output}. {machine['cores']} cores, load {load:.1f} before and ", end="")
    print(f"{machine['load_after']:.1f} after, medians of {arguments.repeats}.")


if __name__ == "__main__":
    main()
