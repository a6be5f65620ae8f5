"""Import paths that users write: in DAG files, in tests, in Airflow's configuration and in its database."""

from __future__ import annotations

import subprocess
import sys
from pkgutil import resolve_name

import pytest

from tests.versions import HAS_STORE

PACKAGE = "airflow_provider_seedance"
PUBLIC = [
    "decorators.seedance:seedance_task",
    "emulator.handle:Emulator",
    "emulator.pytest_plugin:seedance_emulator",
    "gptproto.catalogue:DEFAULT_MODEL",
    "gptproto.catalogue:Mode",
    "gptproto.catalogue:estimate_cost",
    "gptproto.catalogue:find_model",
    "gptproto.client:AsyncGPTProtoClient",
    "gptproto.client:GPTProtoClient",
    "gptproto.errors:Charge",
    "gptproto.errors:InvalidRequestError",
    "gptproto.errors:RateLimitError",
    "gptproto.errors:SeedanceError",
    "gptproto.errors:UnconfirmedSubmissionError",
    "gptproto.predictions:Prediction",
    "gptproto.predictions:PredictionStatus",
    "gptproto.prices:Price",
    "gptproto.requests:GenerationRequest",
    "gptproto.requests:ImageToVideo",
    "gptproto.requests:ReferenceToVideo",
    "gptproto.requests:TextToVideo",
    "gptproto.settings:ClientSettings",
    "gptproto.settings:read_settings",
    "hooks.seedance:SeedanceHook",
    "links.seedance:SeedanceVideoLink",
    "operators.seedance:SeedanceImageToVideoOperator",
    "operators.seedance:SeedanceReferenceToVideoOperator",
    "operators.seedance:SeedanceTextToVideoOperator",
    "plugins.video_tab:SeedanceVideoTabPlugin",
    "provider_info:get_provider_info",
    "sensors.seedance:SeedancePredictionSensor",
    "testing:assert_affordable",
    "testing:assert_valid",
    "transfers.seedance_to_object_storage:SeedanceToObjectStorageOperator",
    # This path is stored in the metadata database of every deployment that has deferred a task.
    "triggers.seedance:SeedancePredictionTrigger",
]


@pytest.mark.parametrize("path", PUBLIC)
def test_public_path_resolves(path: str) -> None:
    assert resolve_name(f"{PACKAGE}.{path}") is not None


@pytest.mark.skipif(not HAS_STORE, reason="Airflow below 3.3 has no retry policies")
def test_retry_policy_resolves() -> None:
    assert resolve_name(f"{PACKAGE}.retries:SeedanceRetryPolicy") is not None


def test_trigger_serializes_to_the_path_that_databases_hold() -> None:
    trigger = resolve_name(f"{PACKAGE}.triggers.seedance:SeedancePredictionTrigger")
    path, _ = trigger(
        prediction_id="a", seedance_conn_id="b", submitted_at=0.0, deadline=1.0, expected_seconds=1.0
    ).serialize()
    assert path == "airflow_provider_seedance.triggers.seedance.SeedancePredictionTrigger"


def test_emulator_is_a_command() -> None:
    shown = subprocess.run(  # noqa: S603 - this interpreter and literal arguments
        [sys.executable, "-m", f"{PACKAGE}.emulator", "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert "usage:" in shown
