"""The DAG of each scenario, and its number of mapped generations."""

from __future__ import annotations

import os

#: The scenarios are designed for this number; smaller ones serve a quick try.
MANY = int(os.environ.get("CLUSTER_GENERATIONS", "300"))
SOME = max(MANY // 3, 4)
SLOTS = 10
POOL = "seedance"

WARM = "cluster_warm"
WHOLE = "cluster_whole"
PLAIN = "cluster_plain"
KILLED = "cluster_killed"
ROLLING = "cluster_rolling"
NEW_KEY = "cluster_new_key"
LATE_KEY = "cluster_late_key"
POOLED = "cluster_pooled"
LOGGED = "cluster_logged"

#: Generations of each DAG; the plain DAG only waits, in as many task instances.
GENERATIONS = {
    WARM: min(32, SOME),
    WHOLE: MANY,
    PLAIN: MANY,
    KILLED: MANY,
    ROLLING: SOME,
    NEW_KEY: SOME,
    LATE_KEY: min(20, SOME),
    POOLED: min(4 * SLOTS, SOME),
    LOGGED: 6,
}
#: Duration of each wait in the measurement, in seconds: about that of a real generation.
WAIT_SECONDS = 90.0


def prompt(dag_id: str, index: int) -> str:
    """Return the prompt of a mapped task, unique per task."""
    return f"{dag_id} {index}"
