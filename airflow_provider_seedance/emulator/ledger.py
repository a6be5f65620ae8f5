"""The ledger: each booked submission, its polls, and whether its outputs were delivered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from airflow_provider_seedance.emulator.predictions import Prediction, from_json, to_json


@dataclass(slots=True)
class Entry:
    """
    One booked submission.

    :param prediction: The booked prediction.
    :param polls: Number of polls with an accepted key.
    :param first_poll_at: Time of the first poll.
    :param last_poll_at: Time of the last poll.
    :param delivered_at: Time of the first complete response with its outputs.
    """

    prediction: Prediction
    polls: int = 0
    first_poll_at: float | None = None
    last_poll_at: float | None = None
    delivered_at: float | None = None

    def poll(self, at: float) -> None:
        """Count a poll."""
        self.polls += 1
        self.first_poll_at = at if self.first_poll_at is None else self.first_poll_at
        self.last_poll_at = at

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the entry as JSON."""
        prediction = self.prediction
        return {
            "id": prediction.id,
            "time": prediction.submitted_at,
            "vendor": prediction.vendor,
            "model": prediction.model,
            "mode": prediction.mode,
            "parameters": dict(prediction.parameters),
            "seed": prediction.seed,
            "cost": prediction.cost,
            "status": prediction.status(now),
            "error": prediction.fate.error if prediction.is_over(now) else None,
            "times": prediction.times(now),
            "delivered": self.delivered_at is not None,
            "delivered_at": self.delivered_at,
            "polls": self.polls,
            "first_poll_at": self.first_poll_at,
            "last_poll_at": self.last_poll_at,
        }


class LedgerError(ValueError):
    """Raised for a file that is not a ledger."""


class Ledger:
    """
    All booked submissions, in memory and optionally in a file of JSON lines.

    :param path: File to load, then to append each event to; ``None`` keeps the ledger in memory only.
    :raises LedgerError: The file is not a ledger.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._entries: dict[str, Entry] = {}
        self._file = None
        if path is not None:
            length = self._replay(path) if path.exists() else 0
            self._file = path.open("a", encoding="utf-8", buffering=1)
            self._file.truncate(length)

    def book(self, prediction: Prediction) -> None:
        """Add a submission."""
        self._entries[prediction.id] = Entry(prediction)
        self._write({"event": "booked", "prediction": to_json(prediction)})

    def poll(self, prediction_id: str, at: float) -> None:
        """Count a poll of a prediction."""
        self._entries[prediction_id].poll(at)
        self._write({"event": "poll", "id": prediction_id, "at": at})

    def polls(self, prediction_id: str) -> int:
        """Return the number of polls of a prediction so far."""
        return self._entries[prediction_id].polls

    def deliver(self, prediction_id: str, at: float) -> None:
        """Record the first delivery of the outputs; ignore later ones."""
        entry = self._entries.get(prediction_id)
        # A reset may delete the entry while a fault delays the response.
        if entry is not None and entry.delivered_at is None:
            entry.delivered_at = at
            self._write({"event": "delivered", "id": prediction_id, "at": at})

    def find(self, prediction_id: str) -> Prediction | None:
        """Return a booked prediction, or ``None`` for an unknown id."""
        entry = self._entries.get(prediction_id)
        return entry.prediction if entry else None

    def clear(self) -> None:
        """Delete all entries, also in the file."""
        self._entries.clear()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the entries, oldest first, and their totals as JSON."""
        entries = list(self._entries.values())
        costs = [Decimal(entry.prediction.cost) for entry in entries if entry.prediction.cost is not None]
        return {
            "submissions": [entry.to_json(now) for entry in entries],
            "totals": {
                "booked": len(entries),
                "delivered": sum(entry.delivered_at is not None for entry in entries),
                "cost": str(sum(costs, Decimal(0))),
                "polls": sum(entry.polls for entry in entries),
            },
        }

    def _write(self, event: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(f"{json.dumps(event)}\n")

    def _replay(self, path: Path) -> int:
        # A killed process may leave an incomplete last line: ignore it; the next event overwrites it.
        content = path.read_bytes()
        length = content.rfind(b"\n") + 1
        if content and not length:
            raise LedgerError(f"{path} is not a ledger")
        for number, line in enumerate(content[:length].splitlines(), start=1):
            try:
                self._replay_event(json.loads(line))
            except (ValueError, KeyError, TypeError) as cause:
                raise LedgerError(f"{path} is not a ledger: line {number} is not a ledger event") from cause
        return length

    def _replay_event(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "booked":
                prediction = from_json(event["prediction"])
                self._entries[prediction.id] = Entry(prediction)
            case "poll":
                self._entries[event["id"]].poll(event["at"])
            case "delivered":
                self._entries[event["id"]].delivered_at = event["at"]
            case name:
                raise LedgerError(f"unknown event {name}")
