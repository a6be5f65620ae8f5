"""Tests of transports, rate limit and downloads."""
