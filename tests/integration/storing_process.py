"""
Store a video in a separate process, which tests can kill and whose memory they can measure.

``python -m tests.integration.storing_process LINK DESTINATION [S3]``, where S3 is the address of an S3 server. The last
line of the output is JSON: the stored paths, and the peak growth of the process in bytes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseHook

from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.s3 import attach_s3

#: The Airflow connection to the S3 server.
S3_CONN_ID = "s3_server"


def connect(link: str) -> None:
    """Set the Airflow connection to the server of a link."""
    connection = {"conn_type": "seedance", "password": "sk-test", "host": f"http://{urlsplit(link).netloc}"}
    os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"] = json.dumps(connection)


def store(link: str, destination: str, **arguments: Any) -> list[str]:
    """Run the operator."""
    connect(link)
    task = SeedanceToObjectStorageOperator(
        task_id="store", urls=link, destination=destination, filename="boat.{ext}", **arguments
    )
    return task.execute({})


def memory(name: str) -> int:
    """Return a field of ``/proc/self/status`` in bytes."""
    # The peak of getrusage() includes that of the parent process.
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def main() -> None:
    """Store a video, and print the paths and the memory growth."""
    link, destination, *s3 = sys.argv[1:]
    arguments = {}
    if s3:
        # Connect before the measurement, because that imports the modules of the S3 client.
        attach_s3(s3[0], S3_CONN_ID).ls(destination.removeprefix("s3://").partition("/")[0])
        arguments = {"storage_conn_id": S3_CONN_ID}
    # The lookup makes Airflow 3.1 import its database models.
    connect(link)
    BaseHook.get_connection(SeedanceHook.default_conn_name)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    stored = store(link, destination, **arguments)
    print(json.dumps({"stored": stored, "growth": memory("VmHWM") - before}))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
