"""The ledger: what was booked, how often it was asked for and whether it was handed over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from airflow_provider_seedance.emulator.predictions import Prediction, from_json, to_json


@dataclass(slots=True)
class Entry:
    """
    One booked submission and what became of it.

    :param prediction: What was booked.
    :param polls: How often its result was asked for with a good key.
    :param first_poll_at: When it was first asked for.
    :param last_poll_at: When it was last asked for.
    :param delivered_at: When an answer with its outputs first went out whole.
    """

    prediction: Prediction
    polls: int = 0
    first_poll_at: float | None = None
    last_poll_at: float | None = None
    delivered_at: float | None = None

    def shown(self, now: float) -> dict[str, Any]:
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
            "error": prediction.fate.error if now >= prediction.finished_at else None,
            "times": prediction.times(now),
            "delivered": self.delivered_at is not None,
            "delivered_at": self.delivered_at,
            "polls": self.polls,
            "first_poll_at": self.first_poll_at,
            "last_poll_at": self.last_poll_at,
        }


class Ledger:
    """
    All booked submissions, in memory and, when asked for, in a file of JSON lines.

    :param path: File to read at first and to write each event to at once; ``None`` keeps the ledger in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._entries: dict[str, Entry] = {}
        self._path = path
        if path is not None and path.exists():
            text = path.read_text(encoding="utf-8")
            self._replay(text.splitlines())
            if text and not text.endswith("\n"):
                # A kill in the midst of a line must not spoil the next one.
                path.write_text(f"{text}\n", encoding="utf-8")
        self._file = path.open("a", encoding="utf-8", buffering=1) if path is not None else None

    def book(self, prediction: Prediction) -> None:
        """Add a submission."""
        self._apply("booked", prediction.id, prediction.submitted_at, prediction)
        self._write({"event": "booked", "prediction": to_json(prediction)})

    def poll(self, prediction_id: str, at: float) -> None:
        """Note that a result was asked for."""
        self._apply("poll", prediction_id, at)
        self._write({"event": "poll", "id": prediction_id, "at": at})

    def deliver(self, prediction_id: str, at: float) -> None:
        """Note that the outputs were handed over; only the first time counts."""
        if self._entries[prediction_id].delivered_at is None:
            self._apply("delivered", prediction_id, at)
            self._write({"event": "delivered", "id": prediction_id, "at": at})

    def find(self, prediction_id: str) -> Prediction | None:
        """Return a booked prediction."""
        entry = self._entries.get(prediction_id)
        return entry.prediction if entry else None

    def clear(self) -> None:
        """Forget everything, in the file as well."""
        self._entries.clear()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def shown(self, now: float) -> dict[str, Any]:
        """Return the ledger as JSON, oldest submission first, with totals."""
        entries = list(self._entries.values())
        costs = [Decimal(entry.prediction.cost) for entry in entries if entry.prediction.cost is not None]
        return {
            "submissions": [entry.shown(now) for entry in entries],
            "totals": {
                "booked": len(entries),
                "delivered": sum(entry.delivered_at is not None for entry in entries),
                "cost": str(sum(costs, Decimal(0))),
                "polls": sum(entry.polls for entry in entries),
            },
        }

    def _apply(self, event: str, prediction_id: str, at: float, prediction: Prediction | None = None) -> None:
        if prediction is not None:
            self._entries[prediction_id] = Entry(prediction)
            return
        entry = self._entries[prediction_id]
        if event == "delivered":
            entry.delivered_at = at
            return
        entry.polls += 1
        entry.first_poll_at = at if entry.first_poll_at is None else entry.first_poll_at
        entry.last_poll_at = at

    def _write(self, event: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(f"{json.dumps(event)}\n")

    def _replay(self, lines: Iterable[str]) -> None:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                # The line that a kill cut short.
                continue
            if event["event"] == "booked":
                prediction = from_json(event["prediction"])
                self._apply("booked", prediction.id, prediction.submitted_at, prediction)
            else:
                self._apply(event["event"], event["id"], event["at"])
