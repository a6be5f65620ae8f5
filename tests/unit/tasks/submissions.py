"""What the tests of sending and of submitting share: a request, its record, and a client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_seedance.gptproto.errors import Charge, PredictionNotFoundError
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.tasks.records.submission import Submission

CONNECTION = "seedance_default"
REQUEST = TextToVideo(prompt="A paper boat")
CHECKED = REQUEST.check()
RUNNING = Prediction(id="abc", status=PredictionStatus.RUNNING, reported_status="running")
INTENT = Submission(fingerprint=CHECKED.fingerprint(CONNECTION), submitted_at=1_800_000_000.0, max_tries=0)
ACCEPTED = replace(INTENT, prediction_id="abc")


@dataclass
class FakeClient:
    """A client with a given outcome of a submission and given known predictions."""

    outcome: Prediction | Exception = RUNNING
    known: dict[str, Prediction] = field(default_factory=lambda: {"abc": RUNNING})
    while_sending: Callable[[], None] = field(default=lambda: None)
    requests: list[Any] = field(default_factory=list)

    @property
    def submissions(self) -> int:
        return len(self.requests)

    def submit(self, request: Any) -> Prediction:
        self.requests.append(request)
        self.while_sending()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def get_confirmed(self, prediction_id: str) -> Prediction:
        if prediction_id not in self.known:
            raise PredictionNotFoundError("The id is unknown", prediction_id=prediction_id, charge=Charge.POSSIBLE)
        return self.known[prediction_id]
