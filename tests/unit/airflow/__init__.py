"""Tests of the modules that import Airflow."""
