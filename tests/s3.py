"""A real S3 server on this host, which accepts any key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from airflow.sdk.io import attach


@contextmanager
def running_s3(*buckets: str) -> Iterator[str]:
    """Run an S3 server with empty buckets in a thread, and yield its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        for bucket in buckets:
            httpx.put(f"{address}/{bucket}", trust_env=False).raise_for_status()
        yield address
    finally:
        server.stop()


def s3_connection(address: str) -> str:
    """Return an Airflow connection to the server, as JSON; Airflow's Amazon provider has to be installed."""
    extra = {"endpoint_url": address, "region_name": "us-east-1"}
    return json.dumps({"conn_type": "aws", "login": "test", "password": "test", "extra": extra})


def attach_s3(address: str, conn_id: str) -> Any:
    """Attach a file system of its own to ``s3://<conn_id>@``, as Airflow's Amazon provider does in each process."""
    from s3fs import S3FileSystem

    options = {"endpoint_url": address, "key": "test", "secret": "test", "skip_instance_cache": True}
    return attach("s3", conn_id=conn_id, fs=S3FileSystem(**options)).fs
