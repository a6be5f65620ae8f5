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


def read_event(event: Any) -> tuple[Poller, Prediction | SeedanceError]:
    """
    Return the poller and the result of an event, as :func:`to_event` took them.

    :param event: The payload.
    :raises ValueError: When the payload is not an event of this trigger.
    """
    found = _read(event) if isinstance(event, Mapping) else None
    if found is None:
        raise ValueError(
            f"Not an event of SeedancePredictionTrigger: {event!r}. The generation goes on. "
            "If submissions are recorded, a retry of this task waits for the same prediction."
        )
    return found


def _read(event: Mapping[str, Any]) -> tuple[Poller, Prediction | SeedanceError] | None:
    wait, failure = event.get("wait"), event.get("failure")
    if not isinstance(wait, Mapping) or not wait.keys() >= set(_FIELDS):
        return None
    result = restore(failure) if isinstance(failure, Mapping) else restore_prediction(event.get("prediction"))
    return None if result is None else (Poller(**{name: wait[name] for name in _FIELDS}), result)
