"""The tests on every supported Airflow and Python, each in an environment of its own."""
