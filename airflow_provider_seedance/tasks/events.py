"""The event of the trigger: it carries a wait, and the error that ended it, from the triggerer to the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_seedance.gptproto.errors import Charge, ConnectionSettingsError, SeedanceError, restore
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.predictions import Prediction, restore_prediction

#: The fields of a poller in a trigger and its event: JSON scalars only, and no key, prompt or media.
_FIELDS = ("prediction_id", "submitted_at", "deadline", "expected_seconds", "poll_interval", "polls", "kind")


def poller_fields(source: Any) -> dict[str, Any]:
    """
    Return the fields of a poller, as JSON scalars.

    :param source: A poller, or a trigger, which has the same attributes.
    """
    return {name: getattr(source, name) for name in _FIELDS}


def to_event(poller: Poller, result: Prediction | SeedanceError, ledger: str = "") -> dict[str, Any]:
    """
    Return the payload of an event: the poller's fields, and the result.

    :param result: The complete prediction, or the error that ended the wait without videos.
    :param ledger: Where the ledger has the generation; empty without a ledger.
    """
    is_error = isinstance(result, SeedanceError)
    return {
        "wait": poller_fields(poller),
        "failure": _failure(result, poller.prediction_id) if isinstance(result, SeedanceError) else None,
        "prediction": None if is_error else result.to_dict(),
        **({"ledger": ledger} if ledger else {}),
    }


def ledger_of(event: Any) -> str:
    """Return where the ledger has the generation of an event; empty without a ledger."""
    return str(event.get("ledger") or "") if isinstance(event, Mapping) else ""


def _failure(error: SeedanceError, prediction_id: str) -> dict[str, Any]:
    """Return an error as JSON. It always names the prediction, which an error of the connection does not know."""
    if not isinstance(error, ConnectionSettingsError):
        return error.to_dict()
    # Triggers that wait for the same lookup share the error object, so it stays unchanged.
    return {
        **error.to_dict(),
        "what": f"The wait in the triggerer ended. {error.what}",
        "prediction_id": prediction_id,
        "charge": Charge.ACCEPTED.name,
    }


def finished(event: Any) -> tuple[Poller, Prediction] | None:
    """Return the poller of an event and its finished prediction; ``None`` if the worker has more to do."""
    if not isinstance(event, Mapping) or event.get("failure") is not None:
        return None
    poller, prediction = read_event(event)
    return None if prediction is None else (poller, prediction)


def read_event(event: Any) -> tuple[Poller, Prediction | None]:
    """
    Return the poller of an event and the finished prediction, or raise the error in it.

    The prediction is ``None`` in an event of an older version, which the worker has to poll for.

    :param event: The payload; an event of version 0.1.0 holds ``looks`` in place of ``polls``, and no ``kind``.
    :raises SeedanceError: The error that ended the wait.
    :raises ValueError: When the payload is not an event of this trigger.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("wait"), Mapping) or "failure" not in event:
        raise ValueError(
            f"Not an event of SeedancePredictionTrigger: {event!r}. The generation goes on. "
            "If submissions are recorded, a retry of this task waits for the same prediction."
        )
    if event["failure"] is not None:
        raise restore(event["failure"])
    fields = {"polls": event["wait"].get("looks", 0), "kind": "", **event["wait"]}
    return Poller(**{name: fields[name] for name in _FIELDS}), restore_prediction(event.get("prediction"))
