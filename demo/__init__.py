"""
What ``make demo`` and ``make ui`` run: the example DAG in a real Airflow against the emulator.

Not part of the package. The system tests start their Airflow with :mod:`demo.standalone` as well.
"""
