"""A process that creates one object at the moment that its standard input ends."""

from __future__ import annotations

import sys

from airflow_provider_seedance.ledger.store import open_store
from tests.s3 import attach_s3

uri, data, address = sys.argv[1:]
if uri.startswith("s3:"):
    attach_s3(address, "ledger_s3")
store = open_store(uri)
store.names("")
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
sys.stdout.write(f"{store.create('entry', data.encode())}\n")
