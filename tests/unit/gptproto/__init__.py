"""Tests of the GPTProto API as plain Python."""
