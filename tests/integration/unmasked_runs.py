"""
Run an example DAG through success and failures in a process of its own, with Airflow's masking of secrets off.

The first line of the output that begins with ``RESULT`` tells how the runs ended and what the emulator saw; all other
output is Airflow's.
"""

from __future__ import annotations

import json
import os
from typing import Any

KEY = "sk-needle-7d1c0f52"
#: A name, the faults of a run, and the state in which it ends.
RUNS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("success", [], "success"),
    (
        "refused",
        [{"endpoint": "submit", "status": 400, "body": {"error": {"message": f"no such key: {KEY}"}}}],
        "failed",
    ),
    ("lost answer", [{"endpoint": "submit", "drop": "after"}], "failed"),
    ("key refused", [{"endpoint": "result", "status": 401, "times": None, "body": {"error": f"bad {KEY}"}}], "failed"),
    ("failed generation", [{"endpoint": "result", "answer": "failed", "times": None}], "failed"),
]
UNMASKED = {
    "AIRFLOW__CORE__HIDE_SENSITIVE_VAR_CONN_FIELDS": "False",
    "AIRFLOW__LOGGING__MIN_LENGTH_MASKED_SECRET": "1000",
}


def main() -> None:
    """Do the runs, one after the other."""
    from airflow.sdk._shared.secrets_masker import redact

    from airflow_provider_seedance.emulator.server import running_emulator
    from airflow_provider_seedance.emulator.settings import Settings
    from airflow_provider_seedance.gptproto.polling import Wait
    from tests.integration.examples import load_example

    Wait.HOLD, Wait.RHYTHM, Wait.SHORTEST_PAUSE = 0.0, 0.0, 0.05
    dag: Any = load_example("seedance_text_to_video")
    settings = Settings(seconds_created=0.05, seconds_queued=0.05, seconds_running=0.1, api_keys=(KEY,))
    result: dict[str, Any] = {"states": {}}
    with running_emulator(settings) as emulator:
        os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"] = emulator.connection_json
        for name, faults, _ in RUNS:
            emulator.clear_faults()
            emulator.faults(faults)
            result["states"][name] = dag.test().state
        result |= {"leaks": emulator.leaks(), "without_key": [each for each in emulator.requests() if not each["key"]]}
    # Whether masking is really off, without printing the key.
    result["masked"] = redact({"password": KEY}) != {"password": KEY} or redact(f"a {KEY}") != f"a {KEY}"
    print(f"RESULT {json.dumps(result)}")  # noqa: T201 - for the test that runs this


if __name__ == "__main__":
    main()
