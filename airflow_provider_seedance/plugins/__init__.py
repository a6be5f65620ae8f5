"""What the Seedance provider adds to Airflow's user interface."""
