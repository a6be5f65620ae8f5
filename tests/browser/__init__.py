"""Tests in a real browser: what people see in Airflow's UI, each with an account of their own."""
