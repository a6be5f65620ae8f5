"""Tests of the published files: build them, install the wheel alone, and use it. Run them with ``make package``."""
