"""Airflow as a cluster: PostgreSQL, Redis, Celery workers and triggerers, each a process of its own on this machine."""
