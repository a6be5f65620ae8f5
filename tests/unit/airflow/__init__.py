"""Tests of what imports Airflow."""
