"""A client of the emulator's control API, for tests: read the ledger, inject faults, change settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener


def _opener() -> OpenerDirector:
    # A proxy from the environment cannot reach the emulator on this host.
    return build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Emulator:
    """
    A running emulator, in this process or another.

    :param url: Address of the emulator; use it as the host of the connection.
    :param api_key: A key that the emulator accepts.
    """

    url: str
    api_key: str = field(repr=False)
    _opener: OpenerDirector = field(default_factory=_opener, init=False, repr=False, compare=False)

    @property
    def connection(self) -> dict[str, str]:
        """The fields of an Airflow connection to the emulator."""
        return {"conn_type": "seedance", "host": self.url, "password": self.api_key}

    @property
    def connection_json(self) -> str:
        """The Airflow connection as JSON, for ``AIRFLOW_CONN_SEEDANCE_DEFAULT``."""
        return json.dumps(self.connection)

    def ledger(self) -> list[dict[str, Any]]:
        """Return all booked submissions, oldest first."""
        submissions: list[dict[str, Any]] = self._call("GET", "ledger")["submissions"]
        return submissions

    def totals(self) -> dict[str, Any]:
        """Return the totals of the ledger: ``booked``, ``delivered``, ``cost`` and ``polls``."""
        totals: dict[str, Any] = self._call("GET", "ledger")["totals"]
        return totals

    def requests(self) -> list[dict[str, Any]]:
        """Return all requests to the API, oldest first."""
        requests: list[dict[str, Any]] = self._call("GET", "requests")
        return requests

    def leaks(self) -> list[dict[str, Any]]:
        """Return all leaks: API keys in a request outside the ``Authorization`` header of an API call."""
        leaks: list[dict[str, Any]] = self._call("GET", "leaks")
        return leaks

    def faults(self, faults: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        """
        Append faults to the plan and return the pending faults.

        :param faults: Fields: see :mod:`airflow_provider_seedance.emulator.faults`. ``None`` only returns the pending.
        """
        pending: list[dict[str, Any]]
        pending = self._call("GET", "faults") if faults is None else self._call("POST", "faults", faults)
        return pending

    def fault(self, **fault: Any) -> None:
        """Append one fault, e.g. ``fault(endpoint="result", status=500, times=3)``."""
        self.faults([fault])

    def clear_faults(self) -> None:
        """Remove all pending faults."""
        self._call("DELETE", "faults")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings, e.g. ``settings(seconds_running=60)``, and return all settings."""
        settings: dict[str, Any]
        settings = self._call("POST", "settings", changes) if changes else self._call("GET", "settings")
        return settings

    def stop_answering(self, seconds: float) -> None:
        """Close the connection of every API request without a response for some seconds; 0 ends this."""
        self._call("POST", "stop-answering", {"seconds": seconds})

    def reset(self) -> None:
        """Delete all submissions, faults and requests, and restore the initial settings."""
        self._call("POST", "reset")

    def _call(self, method: str, name: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = Request(  # noqa: S310 - the emulator's own address
            f"{self.url}/_emulator/{name}", body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                return json.load(response)
        except HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None
