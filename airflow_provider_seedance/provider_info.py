"""The provider's metadata, which Airflow loads through the ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from typing import Any

_INTEGRATION = "Seedance (GPTProto)"
_HOOK_MODULE = "airflow_provider_seedance.hooks.seedance"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the shape of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-seedance",
        "name": "Seedance",
        "description": "Seedance videos from prompts, images and reference clips, through the GPTProto API.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://docs.gptproto.com",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": [_HOOK_MODULE]}],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_seedance.operators.seedance"],
            }
        ],
        "sensors": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_seedance.sensors.seedance"],
            }
        ],
        "triggers": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "airflow_provider_seedance.triggers.seedance",
                    "airflow_provider_seedance.triggers.budget",
                ],
            }
        ],
        "transfers": [
            {
                "source-integration-name": _INTEGRATION,
                "target-integration-name": "Common IO",
                "python-module": "airflow_provider_seedance.transfers.seedance_to_object_storage",
            }
        ],
        "extra-links": ["airflow_provider_seedance.links.seedance.SeedanceVideoLink"],
        "task-decorators": [
            {"name": "seedance", "class-name": "airflow_provider_seedance.decorators.seedance.seedance_task"}
        ],
        "config": {
            "seedance": {
                "description": "The videos page and the tab of the provider for Seedance.",
                "options": {
                    "media_roots": {
                        "description": "Folders whose stored videos may be played in Airflow's user interface, "
                        "separated by commas or line ends. A folder may name the connection that opens it. "
                        "Empty: none.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://aws_default@bucket/videos, /srv/videos",
                        "default": "",
                    },
                    "ledger_conn_ids": {
                        "description": "Connections whose ledgers have the sums of the videos page, separated by "
                        "commas. Empty: the sums are those of the XComs that Airflow still has.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "seedance_default",
                        "default": "",
                    },
                },
            },
        },
        # Airflow 3.1 does not read it.
        "cli": ["airflow_provider_seedance.cli.definition.get_seedance_commands"],
        "connection-types": [
            {
                "connection-type": "seedance",
                "hook-class-name": f"{_HOOK_MODULE}.SeedanceHook",
                "hook-name": _INTEGRATION,
                "ui-field-behaviour": {
                    "hidden-fields": ["login"],
                    "relabeling": {
                        "password": "API key",
                        "host": "Base URL",
                        "schema": "Scheme (http or https)",
                    },
                    "placeholders": {
                        "password": "sk-...",
                        "host": "https://gptproto.com (emulator: http://127.0.0.1:8765)",
                        # Airflow 3.3.2 treats an empty port as a change, and returns "Bad Request".
                        "port": "443 (emulator: 8765); the Test button of Airflow 3.3.2 needs it",
                        "schema": "https (emulator: http), if the base URL has none",
                    },
                },
                # Without `examples`: with them the form asks to choose an option, also where any text is valid.
                "conn-fields": {
                    "vendor": {
                        "label": "Vendor segment",
                        "description": "Path segment of the submit URL before the model, e.g. doubao. "
                        "Default: bytedance.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                    "auth_scheme": {
                        "label": "Authorization scheme",
                        "description": "Written before the key in the Authorization header, e.g. Bearer. "
                        "Default: the key alone, as GPTProto documents it.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                    "timeout": {
                        "label": "Request timeout (seconds)",
                        "description": "Timeout of one request as a whole. Default: 60.",
                        "schema": {"type": ["number", "null"], "default": None, "minimum": 1},
                    },
                    "verify": {
                        "label": "Verify TLS",
                        "description": "Path of a CA bundle, or false to accept any certificate. Default: verify.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                    "polls_per_second": {
                        "label": "Polls per second",
                        "description": "The highest rate of polls in one triggerer, for all waits of this "
                        "connection together. Default: 20.",
                        # The form supports inclusive bounds only.
                        "schema": {"type": ["number", "null"], "default": None, "minimum": 0.01},
                    },
                    "proxy": {
                        "label": "Proxy",
                        "description": "Proxy for every request, e.g. http://proxy.example:3128. "
                        "Default: the proxy of the environment variables.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                    "ledger": {
                        "label": "Ledger",
                        "description": "Folder in object storage with an entry for each submission, e.g. "
                        "s3://aws_default@bucket/seedance. Budgets and idempotency keys need it. Default: none.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                    "daily_budget_usd": {
                        "label": "Daily budget (USD)",
                        "description": "The most that the submissions of a day may cost. Default: no limit.",
                        "schema": {"type": ["number", "null"], "default": None, "minimum": 0},
                    },
                    "monthly_budget_usd": {
                        "label": "Monthly budget (USD)",
                        "description": "The most that the submissions of a calendar month may cost. Default: no limit.",
                        "schema": {"type": ["number", "null"], "default": None, "minimum": 0},
                    },
                    "budget_timezone": {
                        "label": "Time zone of the budgets",
                        "description": "Where days and months begin, e.g. Europe/Berlin. Default: UTC.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                },
            }
        ],
    }
