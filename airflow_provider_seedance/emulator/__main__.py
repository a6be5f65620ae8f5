"""The command line: ``python -m airflow_provider_seedance.emulator --host 127.0.0.1 --port 8765``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

from airflow_provider_seedance.emulator.extras import MissingExtraError, require_extra
from airflow_provider_seedance.emulator.settings import DEFAULT_KEY, Settings, SettingsError, change
from airflow_provider_seedance.emulator.shape_table import shape_table


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_seedance.emulator",
        description="A local emulator of GPTProto's Seedance API: it checks requests, makes videos and costs nothing.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=port, default=8765, help="port to listen on; 0 selects a free port")
    parser.add_argument("--api-key", action="append", dest="api_keys", help=f"accepted key; repeatable ({DEFAULT_KEY})")
    for status in ("created", "queued", "running"):
        name = f"seconds_{status}"
        parser.add_argument(
            f"--seconds-{status}", type=float, default=getattr(defaults, name), help=f"seconds in status {status}"
        )
    parser.add_argument("--requests-per-second", type=float, help="rate limit of all requests; above it: HTTP 429")
    parser.add_argument("--submissions-per-second", type=float, help="rate limit of submissions")
    parser.add_argument("--link-seconds", type=float, default=defaults.link_seconds, help="lifetime of output links")
    parser.add_argument("--public-url", help="base URL of output links, if not the request's host")
    parser.add_argument("--ledger", type=Path, help="file that stores the ledger across restarts")
    parser.add_argument("--shapes", action="store_true", help="print all shapes of answers, and exit")
    return parser


def port(text: str) -> int:
    """Parse a port number; argparse prints the name of this function in its error message."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError("a port must be a number from 0 to 65535")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator until SIGINT or SIGTERM and return the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.shapes:
        print(shape_table())
        return 0
    options.api_keys = options.api_keys or [DEFAULT_KEY]
    try:
        settings = change(Settings(), {each.name: getattr(options, each.name) for each in fields(Settings)})
    except SettingsError as error:
        parser.error(str(error))
    try:
        require_extra()
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        return 1
    from airflow_provider_seedance.emulator.ledger import LedgerError
    from airflow_provider_seedance.emulator.server import address_of, build_server, listen
    from airflow_provider_seedance.emulator.service import Service
    from airflow_provider_seedance.emulator.videos import Videos

    with ExitStack() as stack:
        try:
            listener = stack.enter_context(listen(options.host, options.port))
            service = Service(settings, ledger_path=options.ledger)
        except (OSError, LedgerError) as error:
            print(f"The emulator cannot start: {error}", file=sys.stderr)
            return 1
        stack.callback(service.ledger.close)
        videos = Videos()
        stack.callback(videos.close)
        url = address_of(listener)
        build_server(service, videos, lambda: print(f"Emulating GPTProto at {url}", flush=True)).run([listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
