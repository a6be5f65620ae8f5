"""Each error says who is at fault, whether a retry helps, what it cost and what to do, and survives a database."""

from __future__ import annotations

import copy
import inspect
import json
import pickle

import pytest

from airflow_provider_seedance.gptproto import errors
from airflow_provider_seedance.gptproto.errors import Charge, InvalidRequestError, SeedanceError, restore
from tests.unit.gptproto.conftest import PREDICTION_ID

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, SeedanceError) and cls.__module__ == errors.__name__
]
CAUSES = [cls for cls in CLASSES if cls is not SeedanceError]

#: Whether a retry of the task can help, and who can do something about it.
EXPECTED = {
    "InvalidRequestError": (False, "author"),
    "ConnectionSettingsError": (False, "account"),
    "CostLimitError": (False, "author"),
    "BadRequestError": (False, "author"),
    "ContentPolicyError": (False, "author"),
    "AuthenticationError": (False, "account"),
    "PermissionDeniedError": (False, "account"),
    "InsufficientBalanceError": (False, "account"),
    "PredictionNotFoundError": (False, "author"),
    "RedirectError": (False, "account"),
    "RateLimitError": (True, "service"),
    "ServiceError": (True, "service"),
    "UnreadableAnswerError": (True, "service"),
    "NotConnectedError": (True, "network"),
    "LostAnswerError": (True, "network"),
    "UnconfirmedSubmissionError": (False, "network"),
    "RepeatableSubmissionError": (True, "network"),
    "UnreadableRecordError": (False, "author"),
    "GenerationFailedError": (True, "service"),
    "GenerationExpiredError": (True, "service"),
    "MissingOutputsError": (True, "service"),
    "NsfwContentError": (False, "author"),
    "WaitTimeoutError": (True, "service"),
    "InvalidTransferError": (False, "author"),
    "ForbiddenLinkError": (False, "author"),
    "DeadLinkError": (False, "service"),
    "FileTooLargeError": (False, "author"),
    "NotAVideoError": (True, "service"),
    "DownloadFailedError": (True, "network"),
    "DestinationTakenError": (False, "author"),
    "StorageError": (True, "network"),
}


class TestClasses:
    @pytest.mark.parametrize("cls", CAUSES)
    def test_fault_and_retryability(self, cls: type[SeedanceError]) -> None:
        assert (cls.retryable, cls.at_fault) == EXPECTED[cls.__name__]

    @pytest.mark.parametrize("cls", CAUSES)
    def test_each_has_advice_of_its_own(self, cls: type[SeedanceError]) -> None:
        assert cls("It broke").advice
        assert cls("It broke").advice == cls.default_advice

    def test_an_error_without_a_class_is_permanent(self) -> None:
        assert not SeedanceError.retryable


class TestText:
    @pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not InvalidRequestError])
    @pytest.mark.parametrize("charge", Charge)
    def test_what_happened_to_which_prediction_at_what_cost_and_what_to_do(
        self, cls: type[SeedanceError], charge: Charge
    ) -> None:
        text = str(cls("The wait ended", prediction_id=PREDICTION_ID, charge=charge, advice="Ask again."))
        assert text == f"The wait ended (prediction {PREDICTION_ID}). {charge.value} Ask again."

    def test_no_prediction_is_named_where_there_is_none(self) -> None:
        assert "prediction" not in str(SeedanceError("It broke", advice="Ask again."))

    def test_nothing_was_charged_unless_it_is_said(self) -> None:
        assert "Nothing was charged." in str(SeedanceError("It broke"))

    def test_every_problem_of_a_request_has_a_line(self) -> None:
        error = InvalidRequestError.from_problems(["seed: -2 is not allowed", "duration: 99 is not allowed"])
        assert str(error).splitlines()[:3] == [
            "Seedance refuses 2 arguments:",
            "  - seed: -2 is not allowed",
            "  - duration: 99 is not allowed",
        ]
        assert "Nothing was charged." in str(error)
        assert "Nothing was sent." in str(error)

    def test_one_problem_is_one_argument(self) -> None:
        assert str(InvalidRequestError.from_problems(["seed: -2"])).startswith("Seedance refuses 1 argument:\n")


class TestRoundTrip:
    @pytest.mark.parametrize("cls", CLASSES)
    def test_every_class_survives_a_database(self, cls: type[SeedanceError]) -> None:
        error = cls(
            "It broke", prediction_id=PREDICTION_ID, charge=Charge.POSSIBLE, advice="Ask again.", retry_after=2.5
        )
        restored = restore(json.loads(json.dumps(error.to_dict())))
        assert type(restored) is cls
        assert str(restored) == str(error)
        assert vars(restored) == vars(error)

    @pytest.mark.parametrize("cls", CLASSES)
    def test_defaults_survive_too(self, cls: type[SeedanceError]) -> None:
        error = cls("It broke")
        assert vars(restore(error.to_dict())) == vars(error)

    @pytest.mark.parametrize("cls", CLASSES)
    def test_only_json_scalars_are_stored(self, cls: type[SeedanceError]) -> None:
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
    def test_an_unknown_class_is_a_permanent_error(self, stored: dict[str, str]) -> None:
        restored = restore(stored)
        assert type(restored) is SeedanceError
        assert not restored.retryable

    def test_an_unknown_charge_may_be_one(self) -> None:
        assert restore({"error": "ServiceError", "what": "It broke", "charge": "REFUNDED"}).charge is Charge.POSSIBLE
        assert restore({"error": "ServiceError", "what": "It broke"}).charge is Charge.POSSIBLE

    @pytest.mark.parametrize("cls", CLASSES)
    def test_every_class_can_be_copied_and_pickled(self, cls: type[SeedanceError]) -> None:
        error = cls("It broke", prediction_id=PREDICTION_ID, charge=Charge.FAILED, advice="Ask again.", retry_after=1.0)
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - pickled just here
            assert type(twin) is cls
            assert vars(twin) == vars(error)
