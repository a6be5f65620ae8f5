"""The DAG of the guide's page "Tell the team". Airflow reads only files with the words "dag" and "airflow"."""

from __future__ import annotations

from tests.unit.test_guide import GUIDE, dag_file

exec(compile(dag_file(GUIDE / "tell-the-team.md"), __file__, "exec"))  # noqa: S102 - code of the guide
