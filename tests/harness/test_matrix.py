"""The matrix: which failures change its exit code, and which tests it lists as failed."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.matrix.__main__ import exit_code, result
from tests.matrix.cells import Cell

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_good"/>
<testcase classname="tests.a" name="test_bad"><failure/></testcase>
<testcase classname="tests.b" name="test_broken"><error/></testcase>
<testcase classname="tests.b" name="test_skipped"><skipped/></testcase>
</testsuite></testsuites>"""


def test_exit_code_ignores_cells_that_may_fail() -> None:
    supported = Cell(name="supported", python="3.13", pins=None)
    preview = Cell(name="preview", python="3.13", pins=None, may_fail=True)
    assert exit_code([supported, preview], [supported]) == 0
    assert exit_code([supported, preview], [preview]) == 1
    assert exit_code([preview], []) == 0


def test_result_lists_failed_tests(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    found = result(Path(sys.executable), report)
    assert found.failures == ("tests.a::test_bad", "tests.b::test_broken")
    assert (found.passed, found.skipped, found.is_green) == (1, 1, False)
