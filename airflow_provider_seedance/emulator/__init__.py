"""
A local stand-in for GPTProto's Seedance API: strict on input, honest in its answers, and free of charge.

Start it with ``python -m airflow_provider_seedance.emulator --host 127.0.0.1 --port 8765`` and point a connection of
type ``seedance`` at it, with the password ``sk-emulator``. It needs the extra ``airflow-provider-seedance[emulator]``.
In tests use the fixture of :mod:`airflow_provider_seedance.emulator.pytest_plugin`.

It serves the endpoints of GPTProto's page, makes playable videos, and keeps a ledger of everything that the real
service would have billed. Markers in a prompt decide how a prediction ends
(:mod:`airflow_provider_seedance.emulator.predictions`), faults are ordered through the control API
(:mod:`airflow_provider_seedance.emulator.faults`, :mod:`airflow_provider_seedance.emulator.control`).
"""
