"""How a leg of a task ends, if it does not fail; the operator returns a value or defers."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_seedance.gptproto.polling import Poller


@dataclass(frozen=True, slots=True)
class Deliver:
    """
    The videos are ready and published.

    :param outputs: Their URLs.
    """

    outputs: list[str]


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    The generation is submitted, and the task does not wait.

    :param prediction_id: Its id.
    """

    prediction_id: str


@dataclass(frozen=True, slots=True)
class KeepWaiting:
    """
    The task has to wait in the triggerer.

    :param poller: The wait.
    :param ledger: Where the ledger has the generation; empty without a ledger.
    """

    poller: Poller
    ledger: str = ""


Outcome = Deliver | Submitted | KeepWaiting
