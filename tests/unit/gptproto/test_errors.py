"""Error classes: fault, retryability, charge, advice, and a round trip through JSON."""

from __future__ import annotations

import copy
import inspect
import json
import pickle

import pytest

from airflow_provider_seedance.gptproto import errors
from airflow_provider_seedance.gptproto.errors import Charge, InvalidRequestError, SeedanceError, restore
from airflow_provider_seedance.ledger import errors as ledger_errors
from tests.unit.gptproto.conftest import PREDICTION_ID

CLASSES = [
    cls
    for module in (errors, ledger_errors)
    for _, cls in inspect.getmembers(module, inspect.isclass)
    if issubclass(cls, SeedanceError) and cls.__module__ in (module.__name__, SeedanceError.__module__)
    if module is errors or cls is not SeedanceError
]
#: Those that an event of the trigger can carry. Nothing is submitted there, so no ledger is used.
IN_EVENTS = [cls for cls in CLASSES if cls.__module__ != ledger_errors.__name__]
CAUSES = [cls for cls in CLASSES if cls is not SeedanceError]

#: Whether a retry of the task can help, and who can solve the problem.
EXPECTED = {
    "InvalidRequestError": (False, "author"),
    "ConnectionSettingsError": (False, "account"),
    "ConnectionNotFoundError": (True, "account"),
    "ConnectionUnavailableError": (True, "account"),
    "CostLimitError": (False, "author"),
    "SubmissionLimitError": (False, "author"),
    "BadRequestError": (False, "author"),
    "ContentPolicyError": (False, "author"),
    "AudioPolicyError": (False, "author"),
    "AuthenticationError": (False, "account"),
    "PermissionDeniedError": (False, "account"),
    "InsufficientBalanceError": (False, "account"),
    "PredictionNotFoundError": (False, "author"),
    "RedirectError": (False, "account"),
    "RateLimitError": (True, "service"),
    "ServiceError": (True, "service"),
    "UnreadableResponseError": (True, "service"),
    "NotConnectedError": (True, "network"),
    "LostResponseError": (True, "network"),
    "UnconfirmedSubmissionError": (False, "network"),
    "RepeatableSubmissionError": (True, "network"),
    "UnreadableRecordError": (False, "author"),
    "UnsafeStateStoreError": (False, "account"),
    "GenerationFailedError": (True, "service"),
    "DeliveredVideoLostError": (False, "author"),
    "UnrecordedSubmissionError": (False, "network"),
    "TriggerFailedError": (True, "account"),
    "GenerationExpiredError": (True, "service"),
    "MissingOutputsError": (True, "service"),
    "NsfwContentError": (False, "author"),
    "WaitTimeoutError": (True, "service"),
    "InvalidTransferError": (False, "author"),
    "ForbiddenLinkError": (False, "author"),
    "DeadLinkError": (True, "service"),
    "FileTooLargeError": (False, "author"),
    "NotAVideoError": (True, "service"),
    "DownloadFailedError": (True, "network"),
    "DestinationTakenError": (False, "author"),
    "StorageError": (True, "network"),
    "LedgerUnavailableError": (True, "network"),
    "UnreadableEntryError": (False, "account"),
    "SubmissionTakenError": (True, "author"),
    "IdempotencyKeyError": (False, "author"),
    "BudgetExceededError": (False, "account"),
}


class TestErrorClasses:
    @pytest.mark.parametrize("cls", CAUSES)
    def test_class_has_expected_fault_and_retryability(self, cls: type[SeedanceError]) -> None:
        assert (cls.retryable, cls.at_fault) == EXPECTED[cls.__name__]

    @pytest.mark.parametrize("cls", CAUSES)
    def test_every_class_has_default_advice(self, cls: type[SeedanceError]) -> None:
        assert cls("It broke").advice
        assert cls("It broke").advice == cls.default_advice

    def test_error_base_class_is_permanent(self) -> None:
        assert not SeedanceError.retryable


class TestErrorText:
    @pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not InvalidRequestError])
    @pytest.mark.parametrize("charge", Charge)
    def test_text_has_event_prediction_id_charge_and_advice(self, cls: type[SeedanceError], charge: Charge) -> None:
        text = str(cls("The wait ended", prediction_id=PREDICTION_ID, charge=charge, advice="Ask again."))
        assert text == f"The wait ended (prediction {PREDICTION_ID}). {charge.value} Ask again."

    def test_text_without_prediction_id_names_no_prediction(self) -> None:
        assert "prediction" not in str(SeedanceError("It broke", advice="Ask again."))

    def test_text_says_nothing_was_charged_by_default(self) -> None:
        assert "Nothing was charged." in str(SeedanceError("It broke"))

    def test_invalid_request_error_lists_one_problem_per_line(self) -> None:
        error = InvalidRequestError.from_problems(["seed: -2 is not allowed", "duration: 99 is not allowed"])
        assert str(error).splitlines()[:3] == [
            "Seedance refuses 2 arguments:",
            "  - seed: -2 is not allowed",
            "  - duration: 99 is not allowed",
        ]
        assert "Nothing was charged." in str(error)
        assert "Nothing was sent." in str(error)

    def test_invalid_request_error_counts_a_single_argument(self) -> None:
        assert str(InvalidRequestError.from_problems(["seed: -2"])).startswith("Seedance refuses 1 argument:\n")


class TestErrorRoundTrip:
    @pytest.mark.parametrize("cls", IN_EVENTS)
    def test_error_survives_json_round_trip(self, cls: type[SeedanceError]) -> None:
        error = cls(
            "It broke", prediction_id=PREDICTION_ID, charge=Charge.POSSIBLE, advice="Ask again.", retry_after=2.5
        )
        restored = restore(json.loads(json.dumps(error.to_dict())))
        assert type(restored) is cls
        assert str(restored) == str(error)
        assert vars(restored) == vars(error)

    @pytest.mark.parametrize("cls", IN_EVENTS)
    def test_error_with_defaults_survives_round_trip(self, cls: type[SeedanceError]) -> None:
        error = cls("It broke")
        assert vars(restore(error.to_dict())) == vars(error)

    @pytest.mark.parametrize("cls", IN_EVENTS)
    def test_serialized_error_has_only_json_scalars(self, cls: type[SeedanceError]) -> None:
        stored = cls("It broke", prediction_id=PREDICTION_ID, retry_after=1.0).to_dict()
        assert {type(value) for value in stored.values()} <= {str, float, type(None)}

    @pytest.mark.parametrize(
        "stored",
        [
            {"error": "ErrorOfTomorrow", "what": "It broke", "charge": "NONE"},
            {"error": "Exception", "what": "It broke"},
            {"error": "restore"},
            {"error": None},
            {},
        ],
    )
    def test_unknown_class_restores_as_permanent_base_error(self, stored: dict[str, str]) -> None:
        restored = restore(stored)
        assert type(restored) is SeedanceError
        assert restored.what == stored.get("what", "The wait ended with an unknown error")
        assert not restored.retryable

    def test_unknown_charge_restores_as_possible(self) -> None:
        assert restore({"error": "ServiceError", "what": "It broke", "charge": "REFUNDED"}).charge is Charge.POSSIBLE
        assert restore({"error": "ServiceError", "what": "It broke"}).charge is Charge.POSSIBLE

    @pytest.mark.parametrize("cls", CLASSES)
    def test_error_can_be_copied_and_pickled(self, cls: type[SeedanceError]) -> None:
        error = cls("It broke", prediction_id=PREDICTION_ID, charge=Charge.FAILED, advice="Ask again.", retry_after=1.0)
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own pickle
            assert type(twin) is cls
            assert vars(twin) == vars(error)
