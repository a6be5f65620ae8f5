"""What contributors are told, and what the workflows run, is what there is."""

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


def test_the_map_has_every_room_once() -> None:
    rooms = re.findall(r"^\| `([\w/]+\.py)` \|", CONTRIBUTING, re.MULTILINE)
    modules = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(rooms) == sorted(modules)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([\w./]+/[\w./-]*)`", CONTRIBUTING))))
def test_files_and_folders_that_contributors_are_sent_to_exist(named: str) -> None:
    assert (ROOT / named).exists() or (PACKAGE / named).exists()


def test_targets_that_contributors_are_told_of_exist() -> None:
    told = {target for targets in re.findall(r"`make ([a-z -]+)", CONTRIBUTING) for target in targets.split()}
    assert told <= TARGETS


@pytest.mark.parametrize("workflow", ["ci.yml", "nightly.yml"])
def test_workflows_run_targets_of_the_makefile(workflow: str) -> None:
    assert set(listed(workflow, "target")) <= TARGETS


def test_every_cell_of_the_matrix_is_run() -> None:
    assert sorted(listed("ci.yml", "cell")) == sorted(CELLS)


def test_the_gate_waits_for_every_other_job() -> None:
    jobs = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8").partition("\njobs:\n")[2]
    assert {*listed("ci.yml", "needs"), "all-green"} == set(re.findall(r"^  ([a-z-]+):$", jobs, re.MULTILINE))
