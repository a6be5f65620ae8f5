"""
Find a DAG by its id in the DAG files, as ``airflow dags test`` does, but without the metadata database.

Airflow's parser takes half a second to import, and few commands read DAG files.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG


class DagNotFoundError(LookupError):
    """No DAG file defines the DAG."""


class BrokenDagError(ValueError):
    """The file of the DAG cannot be imported."""


def find_dag(dag_id: str, *, bundle_names: Collection[str] | None = None, path: str | None = None) -> DAG:
    """
    Return a DAG as its file makes it.

    :param dag_id: The id.
    :param bundle_names: The DAG bundles to search; ``None`` for all.
    :param path: The DAG file to read; ``None`` for all.
    :raises DagNotFoundError: When no file defines the DAG, or there is no file ``path``.
    :raises BrokenDagError: When files that hold its id cannot be imported; with their errors.
    """
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    if path and not Path(path).exists():
        raise DagNotFoundError(f"There is no DAG file {path}")
    broken: dict[str, str] = {}
    for bundle in DagBundlesManager().get_all_dag_bundles():
        if bundle_names and bundle.name not in bundle_names:
            continue
        bundle.initialize()
        folder = Path(bundle.path)
        files = Path(path).resolve() if path else folder
        if not files.is_relative_to(folder):
            folder = files.parent
        if str(folder) not in sys.path:
            # For the modules of the bundle; later Airflows do it themselves.
            sys.path.append(str(folder))
        # Parsing runs the code of the DAG files, and stdout is for the result.
        with contextlib.redirect_stdout(sys.stderr):
            bag = _parse(files, folder)
        if dag_id in bag.dags:
            dag: DAG = bag.dags[dag_id]
            return dag
        broken |= {str(folder / file): error for file, error in bag.import_errors.items()}
    own = {file: error for file, error in broken.items() if _holds(file, dag_id)}
    if own:
        raise BrokenDagError("\n".join(f"{file} cannot be imported: {_last_error(text)}" for file, text in own.items()))
    others = f"; {len(broken)} DAG files cannot be imported" if broken else ""
    raise DagNotFoundError(f"No DAG file defines the DAG {dag_id!r}{others}")


def _parse(files: Path, folder: Path) -> Any:
    try:
        dagbag = import_module("airflow.dag_processing.dagbag")
    except ImportError:  # Airflow 3.1
        dagbag = import_module("airflow.models.dagbag")
    # Airflow 3.1.0 has only its base class.
    base = functools.partial(dagbag.DagBag, include_examples=False)
    return getattr(dagbag, "BundleDagBag", base)(dag_folder=str(files), bundle_path=folder)


def _holds(file: str, dag_id: str) -> bool:
    try:
        return dag_id in Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _last_error(text: str) -> str:
    """Return the error of a traceback without its frames."""
    _, found, end = text.rstrip().rpartition('\n  File "')
    lines = end.splitlines()[1:] if found else text.rstrip().splitlines()
    first = next((index for index, line in enumerate(lines) if not line.startswith(" ")), 0)
    return "\n".join(lines[first:])
