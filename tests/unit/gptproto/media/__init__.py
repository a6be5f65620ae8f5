"""Tests of media in a request."""
