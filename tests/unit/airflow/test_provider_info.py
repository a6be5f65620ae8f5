"""The provider metadata: valid by Airflow's schemas, and correct."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import BaseHook, BaseOperator, BaseSensorOperator
from airflow.providers_manager import ProvidersManager
from airflow.triggers.base import BaseTrigger

from airflow_provider_seedance.emulator.__main__ import build_parser
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.operators.base import SeedanceBaseOperator
from airflow_provider_seedance.provider_info import get_provider_info


@pytest.mark.parametrize("name", ["provider_info.schema.json", "provider.yaml.schema.json"])
def test_metadata_are_valid_by_both_schemas_of_airflow(name: str) -> None:
    schema = json.loads(Path(airflow.__file__).with_name(name).read_text())
    info = get_provider_info()
    if name == "provider.yaml.schema.json":
        # The schema of provider.yaml requires keys that the metadata of a package does not have.
        info |= {"lifecycle": "production", "versions": ["0.1.0"], "source-date-epoch": 0, "state": "ready"}
        properties = schema["properties"]
        info = {key: value for key, value in info.items() if key in properties}
    jsonschema.validate(info, schema)


def test_entry_point_returns_the_metadata() -> None:
    [found] = [each for each in entry_points(group="apache_airflow_provider") if "seedance" in each.value]
    assert found.load()() == get_provider_info()


def test_modules_in_the_metadata_exist() -> None:
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                import_module(module)
    for transfer in info["transfers"]:
        import_module(transfer["python-module"])


@pytest.mark.parametrize(
    ("kind", "base"),
    [("hooks", BaseHook), ("operators", BaseOperator), ("sensors", BaseSensorOperator), ("triggers", BaseTrigger)],
)
def test_metadata_list_every_module_with_a_class_that_users_or_airflow_name(kind: str, base: type) -> None:
    package = import_module(f"airflow_provider_seedance.{kind}")
    listed = {module for entry in get_provider_info()[kind] for module in entry["python-modules"]}
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        module = import_module(found.name)
        own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == found.name]
        public = [each for each in own if issubclass(each, base) and each is not SeedanceBaseOperator]
        assert (found.name in listed) == bool(public)


def test_airflow_registers_the_connection_type_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    manager = ProvidersManager()  # type: ignore[no-untyped-call]  # Airflow's
    hook = manager.hooks["seedance"]
    assert hook is not None
    assert hook.hook_name == "Seedance (GPTProto)"
    assert hook.connection_id_attribute_name == "seedance_conn_id"
    assert hook.connection_testable
    assert [str(each.message) for each in recwarn if "seedance" in str(each.message).lower()] == []


def test_hook_and_metadata_use_the_same_names() -> None:
    [connection_type] = get_provider_info()["connection-types"]
    assert connection_type["connection-type"] == SeedanceHook.conn_type == "seedance"
    assert connection_type["hook-name"] == SeedanceHook.hook_name == "Seedance (GPTProto)"
    assert SeedanceHook.default_conn_name == "seedance_default"


def test_form_shows_the_connection_of_an_emulator_that_is_started_without_options() -> None:
    [connection_type] = get_provider_info()["connection-types"]
    placeholders = connection_type["ui-field-behaviour"]["placeholders"]
    emulator = build_parser().parse_args([])
    assert f"(emulator: http://{emulator.host}:{emulator.port})" in placeholders["host"]
    assert f"(emulator: {emulator.port})" in placeholders["port"]


def test_form_asks_for_no_choice_where_any_text_is_valid() -> None:
    """Airflow's form shows "Start typing to see options" in a text field whose schema has examples."""
    [connection_type] = get_provider_info()["connection-types"]
    fields = connection_type["conn-fields"]
    assert [name for name, field in fields.items() if "examples" in field["schema"]] == []
