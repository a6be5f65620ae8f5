"""Tests in a real Airflow, whose scheduler, workers and triggerer are killed on purpose."""
