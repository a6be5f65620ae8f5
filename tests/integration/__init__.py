"""Tests with Airflow's own machinery: database, supervisor, XCom, task state store and triggers."""
