"""Run the tests on every supported Airflow and Python, each in a separate environment."""
