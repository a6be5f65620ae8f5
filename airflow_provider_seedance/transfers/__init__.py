"""Airflow transfers of the Seedance provider."""
