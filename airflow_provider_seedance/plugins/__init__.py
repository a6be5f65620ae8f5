"""The Seedance provider's plugin for Airflow's user interface."""
