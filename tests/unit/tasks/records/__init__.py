"""Tests of the record of a submission."""
