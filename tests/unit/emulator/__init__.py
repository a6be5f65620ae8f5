"""Tests of the emulator, over plain HTTP and without the project's own client."""
