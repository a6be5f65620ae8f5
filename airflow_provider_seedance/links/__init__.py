"""Links that the Seedance provider adds to tasks."""
