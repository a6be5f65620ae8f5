"""Tests of the modules that run on a worker."""
