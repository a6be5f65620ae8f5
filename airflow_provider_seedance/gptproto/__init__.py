"""The GPTProto API as plain Python: nothing in here imports Airflow."""
