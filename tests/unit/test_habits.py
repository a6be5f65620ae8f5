"""CONTRIBUTING.md and the CI workflows name existing modules, files, targets and matrix cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.matrix.cells import CELLS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "airflow_provider_seedance"
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def listed(workflow: str, name: str) -> list[str]:
    """Return the values of a list in a workflow, in either of YAML's forms."""
    text = (ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8")
    found = re.search(rf"^ +{name}:(?: \[(.*)\]|((?:\n +- .*)+))$", text, re.MULTILINE)
    assert found is not None
    return re.findall(r"[\w.-]*\w", found[1] or found[2])


def test_module_map_lists_every_module_once() -> None:
    mapped = re.findall(r"^\| `([\w/]+\.py)` \|", CONTRIBUTING, re.MULTILINE)
    modules = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(mapped) == sorted(modules)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([\w./]+/[\w./-]*)`", CONTRIBUTING))))
def test_paths_in_contributing_exist(named: str) -> None:
    assert (ROOT / named).exists() or (PACKAGE / named).exists()


def test_make_targets_in_contributing_exist() -> None:
    named = {target for targets in re.findall(r"`make ([a-z -]+)", CONTRIBUTING) for target in targets.split()}
    assert named <= TARGETS


@pytest.mark.parametrize("workflow", ["ci.yml", "nightly.yml"])
def test_workflows_run_make_targets_that_exist(workflow: str) -> None:
    assert set(listed(workflow, "target")) <= TARGETS


def test_ci_runs_every_cell_of_the_matrix() -> None:
    assert sorted(listed("ci.yml", "cell")) == sorted(CELLS)


def test_ci_gate_needs_every_other_job() -> None:
    jobs = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8").partition("\njobs:\n")[2]
    assert {*listed("ci.yml", "needs"), "all-green"} == set(re.findall(r"^  ([a-z-]+):$", jobs, re.MULTILINE))
