"""Airflow finds all components of the provider in an environment with the wheel only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_seedance import __version__
from airflow_provider_seedance.provider_info import get_provider_info
from tests.package.distributions import CHECKOUT
from tests.package.installation import Installation

#: Modules that authors import.
PUBLIC_MODULES = [
    f"airflow_provider_seedance.{name}"
    for name in (
        "decorators.seedance",
        "emulator.handle",
        "gptproto.catalogue",
        "gptproto.client",
        "gptproto.errors",
        "gptproto.predictions",
        "gptproto.requests",
        "gptproto.settings",
        "hooks.seedance",
        "links.seedance",
        "tasks.metrics",
        "operators.seedance",
        "plugins.video_tab",
        "provider_info",
        "retries",
        "sensors.seedance",
        "transfers.seedance_to_object_storage",
        "triggers.seedance",
    )
]


def listed(installed: Installation, *command: str) -> list[dict[str, Any]]:
    """Return what a command of Airflow lists."""
    rows: list[dict[str, Any]] = json.loads(installed.airflow(*command, "--output", "json"))
    return rows


def test_package_is_imported_from_the_wheel(installed: Installation) -> None:
    location = installed.output("-c", "import airflow_provider_seedance; print(airflow_provider_seedance.__file__)")
    assert location.startswith(f"{installed.folder}/")
    assert str(CHECKOUT) not in installed.output("-c", "import sys; print(sys.path)")


def test_airflow_lists_the_provider_and_its_version(installed: Installation) -> None:
    assert listed(installed, "providers", "get", "airflow-provider-seedance") == [
        {"Provider": "airflow-provider-seedance", "Version": __version__}
    ]


# A unit test validates it against both of Airflow's schemas.
def test_airflow_reads_the_whole_provider_info(installed: Installation) -> None:
    [info] = listed(installed, "providers", "get", "airflow-provider-seedance", "--full")
    assert set(get_provider_info()) <= set(info)
    assert info["name"] == "Seedance"
    assert [each["name"] for each in info["task-decorators"]] == ["seedance"]


def test_airflow_lists_the_connection_type(installed: Installation) -> None:
    [hook] = [each for each in listed(installed, "providers", "hooks") if each["connection_type"] == "seedance"]
    assert hook == {
        "connection_type": "seedance",
        "class": "airflow_provider_seedance.hooks.seedance.SeedanceHook",
        "conn_id_attribute_name": "seedance_conn_id",
        "package_name": "airflow-provider-seedance",
        "hook_name": "Seedance (GPTProto)",
    }


def test_airflow_lists_the_fields_of_the_connection(installed: Installation) -> None:
    fields = {each["connection_parameter_name"] for each in listed(installed, "providers", "widgets")}
    names = ("auth_scheme", "polls_per_second", "proxy", "timeout", "vendor", "verify")
    assert {f"extra__seedance__{name}" for name in names} <= fields


def test_airflow_lists_the_trigger(installed: Installation) -> None:
    triggers = {each["class"] for each in listed(installed, "providers", "triggers")}
    assert "airflow_provider_seedance.triggers.seedance" in triggers


def test_airflow_lists_the_link(installed: Installation) -> None:
    links = {each["extra_link_class_name"] for each in listed(installed, "providers", "links")}
    assert "airflow_provider_seedance.links.seedance.SeedanceVideoLink" in links


def test_airflow_lists_the_plugin_and_its_tab(installed: Installation) -> None:
    [plugin] = [each for each in listed(installed, "plugins") if each["name"] == "seedance_video_tab"]
    assert plugin["source"].startswith(f"airflow-provider-seedance=={__version__}: ")
    assert [view["destination"] for view in plugin["external_views"]] == ["task_instance", "nav"]
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/seedance"]


def test_airflow_provides_the_decorator(installed: Installation) -> None:
    found = installed.output("-c", "from airflow.sdk import task; print(task.seedance.__module__)")
    assert found == "airflow_provider_seedance.decorators.seedance\n"


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_import_of_a_module_gives_no_deprecation_warning(installed: Installation, module: str) -> None:
    assert installed.output("-W", "error::DeprecationWarning", "-c", f"import {module}") == ""


def test_emulator_without_the_extra_says_what_to_install(installed: Installation) -> None:
    ran = installed.run("-m", "airflow_provider_seedance.emulator")
    assert ran.returncode == 1
    assert ran.stderr == "The emulator needs av, pillow: install airflow-provider-seedance[emulator]\n"
