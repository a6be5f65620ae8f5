"""Tests on a cluster: PostgreSQL, Redis, Celery workers and triggerers, as separate processes on this machine."""
