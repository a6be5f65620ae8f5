"""
A local emulator of GPTProto's Seedance API, for tests and demos. It checks every request and costs nothing.

Install ``airflow-provider-seedance[emulator]`` and run ``python -m airflow_provider_seedance.emulator --port 8765``.
Connect with a connection of type ``seedance``: its host is the URL of the emulator, its password is ``sk-emulator``.
In tests, use the fixture of :mod:`airflow_provider_seedance.emulator.pytest_plugin`.

The emulator serves the endpoints that GPTProto documents. It makes playable videos. Its ledger lists every submission
that the real service would bill. Markers in a prompt set how a prediction ends
(:mod:`airflow_provider_seedance.emulator.predictions`). The control API injects faults
(:mod:`airflow_provider_seedance.emulator.faults`, :mod:`airflow_provider_seedance.emulator.control`).
"""
