"""Operators that several test modules run."""

from __future__ import annotations

import base64
from typing import Any

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG" + b"pixels" * 200).decode()


def text_to_video(**arguments: Any) -> SeedanceTextToVideoOperator:
    return SeedanceTextToVideoOperator(**{"task_id": "make_video", "prompt": "A paper boat", **arguments})
