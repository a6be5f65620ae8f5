"""The tables of the measured costs."""

from __future__ import annotations

import subprocess
import sys

import psutil

from tests.system.cluster.measuring import Cost, Statement, cost_table, cpu_seconds, longest_statements


def cost(cpu: float, *calls: int, seconds: float = 100.0) -> Cost:
    statements = [Statement(f"SELECT {number}", each, each / 1000) for number, each in enumerate(calls)]
    return Cost(seconds=seconds, cpu_seconds={"scheduler": cpu}, statements=statements)


def test_cost_table_subtracts_idle_and_plain_wait_from_the_provider_share() -> None:
    lines = cost_table(cost(60.0, 1000, 200), cost(20.0, 600, seconds=50.0), cost(5.0, 50), 10).splitlines()
    [scheduler] = [line for line in lines if "scheduler" in line]
    [statements] = [line for line in lines if line.startswith("statements")]
    # Idle: 0.05 s and half a statement a second, for 100 s and for 50 s.
    assert scheduler.split()[-4:] == ["5.500", "1.750", "3.750", "0.050"]
    assert statements.split()[-4:] == ["115.000", "57.500", "57.500", "0.500"]


def test_longest_statements_come_first() -> None:
    first, second = longest_statements(cost(1.0, 10, 30, 20), 10, number=2).splitlines()
    assert "SELECT 1" in first
    assert "3.00 calls" in first
    assert "SELECT 2" in second


def test_cpu_seconds_include_ended_child_processes() -> None:
    process = psutil.Process()
    before = cpu_seconds([process])
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)  # noqa: S603 - this Python
    assert cpu_seconds([process]) - before >= 0.2
