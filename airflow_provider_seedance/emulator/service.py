"""The state of the emulated service, without HTTP: API keys, rate limits, predictions, ledger and request records."""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_provider_seedance.emulator.faults import FaultPlan
from airflow_provider_seedance.emulator.ledger import Ledger
from airflow_provider_seedance.emulator.predictions import Prediction, plan
from airflow_provider_seedance.emulator.rules import Submission
from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.gptproto.catalogue import SEED_MAXIMUM, estimate_cost

#: Limits the memory for records of requests and leaks: a chaos test may run for hours.
MAXIMUM_RECORDS = 20_000

Record = dict[str, Any]


class Bucket:
    """A rate limit as a token bucket; its capacity is the tokens of one second, at least one token."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._at = 0.0

    def take(self, rate: float | None, now: float) -> float:
        """Take a token and return 0, or return the seconds until a token is available."""
        if rate is None:
            return 0.0
        self._spent = max(0.0, self._spent - (now - self._at) * rate)
        self._at = now
        if self._spent + 1 > max(1.0, rate):
            return (self._spent + 1 - max(1.0, rate)) / rate
        self._spent += 1
        return 0.0


class Service:
    """
    The state of the emulator.

    :param settings: Initial settings; a reset restores them.
    :param clock: Returns the current time in seconds since 1970.
    :param ledger_path: File that stores the ledger across restarts; ``None`` keeps it in memory.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.time,
        ledger_path: Path | None = None,
    ) -> None:
        self._first_settings = settings or Settings()
        self._settings = self._first_settings
        self._all_keys = set(self._settings.api_keys)
        self._down_until = 0.0
        self._requests = Bucket()
        self._submissions = Bucket()
        self.clock = clock
        self.ledger = Ledger(ledger_path)
        self.faults = FaultPlan()
        self.requests: deque[Record] = deque(maxlen=MAXIMUM_RECORDS)
        self.leaks: deque[Record] = deque(maxlen=MAXIMUM_RECORDS)

    @property
    def settings(self) -> Settings:
        """The current settings."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        self._all_keys.update(settings.api_keys)

    @property
    def answering(self) -> bool:
        """Whether the API responds to requests."""
        return self.clock() >= self._down_until

    def stop_answering(self, seconds: float) -> None:
        """Close the connection of every API request without a response for some seconds; 0 ends this."""
        self._down_until = self.clock() + seconds

    def accepts(self, authorization: str | None) -> bool:
        """Return whether an ``Authorization`` header contains an accepted key, alone or after ``Bearer``."""
        sent = (authorization or "").strip()
        scheme, _, rest = sent.partition(" ")
        key = rest.strip() if scheme.lower() == "bearer" else sent
        # Constant time over all keys, as in a real service.
        matches = [hmac.compare_digest(key.encode(), accepted.encode()) for accepted in self._settings.api_keys]
        return any(matches)

    def throttle(self, *, submission: bool) -> int:
        """Return 0 if the rate limits allow a request, else whole seconds for the ``Retry-After`` header."""
        now = self.clock()
        wait = self._requests.take(self._settings.requests_per_second, now)
        if not wait and submission:
            wait = self._submissions.take(self._settings.submissions_per_second, now)
        return math.ceil(wait)

    def book(self, submission: Submission, new_id: Callable[[str], str] = str) -> Prediction:
        """
        Accept a submission and book its cost in the ledger.

        :param submission: The request.
        :param new_id: From 32 hex characters to the id of the prediction.
        """
        model = submission.target.model
        cost = estimate_cost(model, resolution=submission.resolution, duration=submission.seconds).estimate
        prediction = plan(
            submission,
            self._settings,
            self.clock(),
            prediction_id=new_id(secrets.token_hex(16)),
            random_seed=secrets.randbelow(SEED_MAXIMUM + 1),
            cost=None if cost is None else str(cost),
        )
        self.ledger.book(prediction)
        return prediction

    def link_expired(self, prediction: Prediction) -> bool:
        """Return whether the links to a finished video have expired."""
        lifetime = self._settings.link_seconds
        return lifetime is not None and self.clock() >= prediction.finished_at + lifetime

    def reset(self) -> None:
        """Delete ledger, faults and records, and restore the initial settings."""
        self._settings = self._first_settings
        self._down_until = 0.0
        self._requests = Bucket()
        self._submissions = Bucket()
        self.ledger.clear()
        self.faults.clear()
        self.requests.clear()
        self.leaks.clear()

    def redact(self, value: Any) -> Any:
        """Return JSON in which ``***`` replaces every key that is or was accepted."""
        if isinstance(value, str):
            for key in self._all_keys:
                value = value.replace(key, "***")
            return value
        if isinstance(value, dict):
            return {name: self.redact(item) for name, item in value.items()}
        if isinstance(value, list | tuple | deque):
            return [self.redact(item) for item in value]
        return value
