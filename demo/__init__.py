"""
The program of ``make demo`` and ``make ui``: runs the example DAG in a real Airflow against the emulator.

Not part of the package. The system tests start Airflow with :mod:`demo.standalone`, too.
"""
