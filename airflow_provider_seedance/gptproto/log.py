"""The interface of the logs that the package writes to."""

from __future__ import annotations

from typing import Any, Protocol


class Log(Protocol):
    """The methods of a logger that are used: Python's and Airflow's loggers share no other interface."""

    def info(self, message: str, /, *values: Any) -> Any:
        """Log a normal event."""

    def warning(self, message: str, /, *values: Any) -> Any:
        """Log an unusual event."""
