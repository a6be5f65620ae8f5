"""Tests of the emulator over HTTP, without the client of this package."""
