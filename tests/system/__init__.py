"""Tests in a real Airflow: scheduler, workers, triggerer and API server, each killed on purpose."""
