"""Airflow extra links of the Seedance provider."""
