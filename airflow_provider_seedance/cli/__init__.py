"""The command line: ``airflow seedance`` and ``python -m airflow_provider_seedance``."""
