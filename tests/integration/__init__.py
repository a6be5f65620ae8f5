"""Tests with Airflow's own components: database, supervisor, XCom, task state store and triggers."""
