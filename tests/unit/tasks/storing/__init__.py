"""Tests of what stores videos."""
