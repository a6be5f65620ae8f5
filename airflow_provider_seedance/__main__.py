"""The command line for every Airflow: ``python -m airflow_provider_seedance models``."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_seedance.cli.definition import build_parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; it exits with 1 if it refuses or fails, and with 2 if its arguments cannot be used."""
    options = build_parser().parse_args(arguments)
    options.func(options)


if __name__ == "__main__":
    main()
