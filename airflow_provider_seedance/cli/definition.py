"""
The commands with their arguments, for both entries: ``airflow seedance`` and ``python -m airflow_provider_seedance``.

Airflow (3.2 and later) loads this module at each ``airflow`` command, whichever it is. So it imports nothing of the
package, and a command's code is imported when the command runs.
"""

from __future__ import annotations

import argparse
import functools
import logging
import math
import sys
from collections.abc import Iterable
from datetime import date
from pkgutil import resolve_name

from airflow.cli.cli_config import (
    ARG_BUNDLE_NAME,
    ARG_DAGFILE_PATH,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    GroupCommand,
)

OUTPUTS = ("table", "json", "yaml", "plain", "csv")
_BOOLEAN = "(true, false)"


def usd(text: str) -> float:
    """Parse an amount; argparse prints the name of this function in its error message."""
    amount = float(text)
    if not 0 <= amount < math.inf:
        raise ValueError("an amount must be 0 or more")
    return amount


def day(text: str) -> date:
    """Parse a date; argparse prints the name of this function in its error message."""
    return date.fromisoformat(text)


def seconds(text: str) -> float:
    """Parse a time span; argparse prints the name of this function in its error message."""
    span = float(text)
    if not 0 < span < math.inf:
        raise ValueError("a time span must be above 0")
    return span


_OUTPUT = Arg(
    ("-o", "--output"),
    help=f"Output format. Allowed values: {', '.join(OUTPUTS)} (default: table)",
    metavar=f"({', '.join(OUTPUTS)})",
    choices=OUTPUTS,
    default="table",
)
_CONN_ID = Arg(("--conn-id",), help="The Airflow connection (default: seedance_default)", default="seedance_default")
_PREDICTION_ID = Arg(("prediction_id",), help="The id of the prediction")
_VALIDATIONS = ("strict", "warn")
_VALIDATION = Arg(
    ("--validation",),
    help="What the refusals of the catalogue are: refusals (strict, the default) or only warnings (warn)",
    choices=_VALIDATIONS,
)
_PARAMETERS = (
    Arg(("--mode",), help="text-to-video, image-to-video or reference-to-video (default: derived from the media)"),
    Arg(("--prompt",), help="The prompt; Seedance 1.x obeys flags in it, which change the price"),
    Arg(("--model",), help="The model id (default: the operators' default)"),
    Arg(("--aspect-ratio",), help="The aspect ratio, such as 16:9"),
    Arg(("--duration",), help="The length of the video in seconds"),
    Arg(("--resolution",), help="480p, 720p, 1080p or 4k"),
    Arg(("--generate-audio",), help="Whether the video has sound", metavar=_BOOLEAN),
    Arg(("--camera-fixed",), help="Whether the camera keeps its position", metavar=_BOOLEAN),
    Arg(("--seed",), help="-1 (random) to 2147483647"),
    Arg(("--image",), help="The first frame", metavar="URL"),
    Arg(("--last-image",), help="The last frame", metavar="URL"),
    Arg(("--images",), help="Reference images", metavar="URL", nargs="+"),
    Arg(("--videos",), help="Reference clips", metavar="URL", nargs="+"),
    Arg(("--audios",), help="Reference sounds", metavar="URL", nargs="+"),
)


def _run(name: str, args: argparse.Namespace) -> None:
    # As Airflow 3.3 does. What a command imports may log, and stdout is for its result.
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)
    resolve_name(f"airflow_provider_seedance.cli.commands:{name}")(args)


def _command(name: str, summary: str, description: str, args: Iterable[Arg]) -> ActionCommand:
    return ActionCommand(
        name=name,
        help=summary,
        description=description,
        func=functools.partial(_run, name),
        args=(*args, ARG_VERBOSE),
    )


#: Each command is a function of this name in :mod:`~airflow_provider_seedance.cli.commands`.
COMMANDS = (
    _command(
        "models",
        "List the models",
        "List the models of the catalogue, with the list price in USD for each second of video.",
        (_OUTPUT,),
    ),
    _command(
        "price",
        "Check and price a generation",
        "Check the parameters of a generation, and show what it costs. Nothing is sent.",
        (*_PARAMETERS, _VALIDATION, _OUTPUT),
    ),
    _command(
        "check",
        "Check and price a DAG, or the rows of a table",
        "Check and price each task of a DAG that generates, or each row of a CSV file. Nothing is sent.",
        (
            Arg(("dag_id",), help="The id of the DAG", nargs="?"),
            Arg(("--rows",), help="Check the rows of this CSV file; its columns are parameters", metavar="FILE"),
            Arg(("--ignore-columns",), help="Columns of that file that are no parameters", metavar="NAME,..."),
            Arg(("--max-cost",), help="Exit with 1 if all together can cost more", metavar="USD", type=usd),
            Arg(
                ("--validation",),
                help="For the rows of the file, as for price; a task of a DAG has its own",
                choices=_VALIDATIONS,
            ),
            ARG_BUNDLE_NAME,
            ARG_DAGFILE_PATH,
            _OUTPUT,
        ),
    ),
    _command(
        "get",
        "Show a prediction",
        "Show the current state of a prediction.",
        (_PREDICTION_ID, _CONN_ID, _OUTPUT),
    ),
    _command(
        "wait",
        "Wait for a prediction",
        "Wait until a prediction is finished, and show it. It submits nothing and costs nothing.",
        (
            _PREDICTION_ID,
            Arg(("--timeout",), help="Longest wait in seconds (default: 3600)", type=seconds, default=3600.0),
            Arg(("--poll-interval",), help="Seconds between polls (default: adaptive)", type=seconds),
            _CONN_ID,
            _OUTPUT,
        ),
    ),
    _command(
        "download",
        "Download the videos of a prediction",
        "Store the videos of a prediction in a folder or a file, and print the paths.",
        (
            _PREDICTION_ID,
            Arg(
                ("destination",), help="A folder, an .mp4 file, or a URI of one, such as s3://aws_default@bucket/videos"
            ),
            Arg(("--overwrite",), help="Replace another file with that name", action="store_true"),
            _CONN_ID,
        ),
    ),
    _command(
        "spend",
        "Show what was spent",
        "Add up the ledger of a connection: what the submissions of a period cost at list price.",
        (
            Arg(
                ("--by",),
                help="What to add up by (default: day)",
                choices=("day", "dag", "model", "connection"),
                default="day",
            ),
            Arg(("--from",), dest="first", help="The first day (default: the first of this month)", type=day),
            Arg(("--to",), dest="last", help="The last day (default: today)", type=day),
            _CONN_ID,
            _OUTPUT,
        ),
    ),
)


def get_seedance_commands() -> list[GroupCommand]:
    """Return the group ``seedance``, for Airflow (metadata of the provider, key ``cli``)."""
    return [GroupCommand(name="seedance", help="Check, price and read Seedance generations", subcommands=COMMANDS)]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``python -m airflow_provider_seedance``."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_seedance", description="Check, price and read Seedance generations."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.help, description=command.description)
        for arg in command.args:
            arg.add_to_parser(subparser)
        subparser.set_defaults(func=command.func)
    return parser
