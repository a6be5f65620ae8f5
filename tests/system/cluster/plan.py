"""What the scenarios generate: one DAG for each, and how many generations it maps."""

from __future__ import annotations

import os

#: Smaller numbers are for a first look; the scenarios are made for this one.
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

#: How many generations each DAG makes; the plain one makes none, but waits as often.
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
#: How long each wait of the measurement takes, in seconds: about what the service takes.
WAIT_SECONDS = 90.0


def prompt(dag_id: str, index: int) -> str:
    """Return the prompt of a mapped task, which no other one has."""
    return f"{dag_id} {index}"
