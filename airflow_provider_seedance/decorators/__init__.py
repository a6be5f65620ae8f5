"""Task decorators of the Seedance provider."""
