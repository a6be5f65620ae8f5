"""The emulated service without HTTP: keys, rate limits, predictions, and the records that the control API shows."""

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

#: The records of requests and leaks are bounded: a chaos test may run for hours.
MAXIMUM_RECORDS = 20_000

Record = dict[str, Any]


class Bucket:
    """A rate limit: a bucket of tokens that fills steadily and holds what one second brings, but at least one."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._at = 0.0

    def take(self, rate: float | None, now: float) -> float:
        """Return 0 when a request may pass, else how many seconds to wait."""
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

    :param settings: How it behaves at first, and again after a reset.
    :param clock: What time it is, in seconds since 1970.
    :param ledger_path: File that keeps the ledger over a restart; ``None`` for none.
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
        self._keys_ever = set(self._settings.api_keys)
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
        """How the emulator behaves now."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        self._keys_ever.update(settings.api_keys)

    @property
    def answering(self) -> bool:
        """Whether the API answers at all."""
        return self.clock() >= self._down_until

    def stop_answering(self, seconds: float) -> None:
        """Let the API drop every request for a while; 0 ends that."""
        self._down_until = self.clock() + seconds

    def accepts(self, authorization: str | None) -> bool:
        """Return whether an ``Authorization`` header holds an accepted key, alone or after ``Bearer``."""
        sent = (authorization or "").strip()
        scheme, _, rest = sent.partition(" ")
        key = rest.strip() if scheme.lower() == "bearer" else sent
        # All are compared, each in constant time, as a real service would.
        matches = [hmac.compare_digest(key.encode(), accepted.encode()) for accepted in self._settings.api_keys]
        return any(matches)

    def throttle(self, *, submission: bool) -> int:
        """Return 0 when a request may pass, else the whole seconds to tell in ``Retry-After``."""
        now = self.clock()
        wait = self._requests.take(self._settings.requests_per_second, now)
        if not wait and submission:
            wait = self._submissions.take(self._settings.submissions_per_second, now)
        return math.ceil(wait)

    def book(self, submission: Submission) -> Prediction:
        """Accept a submission: from here on it costs."""
        model = submission.target.model
        cost = estimate_cost(model, submission.resolution, submission.seconds)
        prediction = plan(
            submission,
            self._settings,
            self.clock(),
            prediction_id=secrets.token_hex(16),
            random_seed=secrets.randbelow(SEED_MAXIMUM + 1),
            cost=None if cost is None else str(cost),
        )
        self.ledger.book(prediction)
        return prediction

    def link_expired(self, prediction: Prediction) -> bool:
        """Return whether the links to a finished video are dead."""
        lifetime = self._settings.link_seconds
        return lifetime is not None and self.clock() >= prediction.finished_at + lifetime

    def reset(self) -> None:
        """Go back to the start: nothing booked, nothing recorded, the settings of the start."""
        self._settings = self._first_settings
        self._down_until = 0.0
        self._requests = Bucket()
        self._submissions = Bucket()
        self.ledger.clear()
        self.faults.clear()
        self.requests.clear()
        self.leaks.clear()

    def redact(self, value: Any) -> Any:
        """Return JSON with every key that was ever accepted taken out of its strings."""
        if isinstance(value, str):
            for key in self._keys_ever:
                value = value.replace(key, "***")
            return value
        if isinstance(value, dict):
            return {name: self.redact(item) for name, item in value.items()}
        if isinstance(value, list | tuple | deque):
            return [self.redact(item) for item in value]
        return value
