"""Tests of Airflow's UI in a real browser, each with a logged-in user."""
