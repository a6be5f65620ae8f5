"""Tests of what a task does on a worker."""
