"""
The commands. They exit with 0 if all is well, with 1 if something is refused or fails, and with 2 on wrong usage.

Airflow's command line ignores what a command returns, so an exit code is raised as ``SystemExit``.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowException
from airflow.utils.cli import suppress_logs_and_warning

from airflow_provider_seedance.checks.dags import TaskCheck, check_dag
from airflow_provider_seedance.checks.rows import COLUMNS, RowCheck, TableError, check_given, check_rows
from airflow_provider_seedance.checks.summary import refusals, sum_line, total, unbounded, warnings
from airflow_provider_seedance.cli.dag_files import BrokenDagError, DagNotFoundError, find_dag
from airflow_provider_seedance.cli.output import note, pipes, print_properties, print_rows, progress
from airflow_provider_seedance.cli.spending import PeriodError, spent_between
from airflow_provider_seedance.gptproto.catalogue import DEFAULT_RESOLUTION, Model, known_models
from airflow_provider_seedance.gptproto.errors import SeedanceError, WaitTimeoutError
from airflow_provider_seedance.gptproto.modes import MEDIA
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.hooks.seedance import MAXIMUM_FILE_BYTES, SeedanceHook
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError
from airflow_provider_seedance.tasks.options import TransferOptions
from airflow_provider_seedance.tasks.storing.transfer import Transfer, run_transfer
from airflow_provider_seedance.transfers.seedance_to_object_storage import DEFAULT_FILENAME

_SENTENCES = ("refusals", "warnings")


def _command(function: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """Print errors without a traceback, and no log unless ``--verbose`` is given."""

    @functools.wraps(function)
    @pipes()
    def run(args: Namespace) -> None:
        try:
            function(args)
        except LedgerUnavailableError as error:
            # Its own advice is for a task.
            _fail(f"{error.what}. Check the ledger in the connection, the store and its permissions (read and list).")
        except (SeedanceError, AirflowException, BrokenDagError) as error:
            _fail(str(error))
        except (DagNotFoundError, PeriodError, TableError) as error:
            _fail(str(error), code=2)
        except KeyboardInterrupt:
            _fail("Interrupted", code=130)

    wrapped: Callable[[Namespace], None] = suppress_logs_and_warning(run)
    return wrapped


#: Options of the command ``check`` that mean nothing for a DAG, and those that mean nothing for a table.
_OF_ROWS = ("ignore_columns", "validation")
_OF_DAGS = ("bundle_name", "dagfile_path")
_WAIT_AGAIN = "To wait again, which costs nothing, run the same command."


def _fail(*lines: str, code: int = 1) -> NoReturn:
    note(*lines)
    raise SystemExit(code)


@_command
def models(args: Namespace) -> None:
    """List the models of the catalogue."""
    print_rows([_model(model_id, known) for model_id, known in known_models().items()], args.output)


@_command
def price(args: Namespace) -> None:
    """Check and price a generation."""
    given = {name: value for name in COLUMNS if (value := getattr(args, name, None)) is not None}
    has_media = any(name in given for name in MEDIA)
    # The prompt and the media that a mode needs may be left out here.
    known = {name: None for name in COLUMNS if has_media or name not in ("image", "images")} | {"prompt": "any"} | given
    found = check_given(given, known, validation=args.validation or "strict")
    if found.refusals:
        _fail(*(f"Refused: {refusal}" for refusal in found.refusals))
    print_properties(
        {
            "mode": found.mode,
            **found.parameters,
            "prompt": given.get("prompt"),
            "resolution": found.parameters.get("resolution", DEFAULT_RESOLUTION),
            "frame_size": None if found.frame_size is None else "x".join(map(str, found.frame_size)),
            "estimate_usd": found.price.estimate,
            "highest_usd": found.price.highest,
            "expected_seconds": None if found.expected_seconds is None else round(found.expected_seconds),
        },
        args.output,
    )
    note(*(f"Warning: {warning}" for warning in found.warnings), f"The price is {found.price}")


@_command
def check(args: Namespace) -> None:
    """Check and price a DAG, or the rows of a table."""
    if (args.dag_id is None) == (args.rows is None):
        _fail("check: either the id of a DAG or --rows is needed", code=2)
    options, others = (_OF_ROWS, "--rows") if args.rows is None else (_OF_DAGS, "a DAG")
    if idle := [f"--{name.replace('_', '-')}" for name in options if getattr(args, name) is not None]:
        _fail(f"check: {', '.join(idle)}: only for {others}", code=2)
    checks: Sequence[TaskCheck | RowCheck]
    if args.rows is None:
        checks = check_dag(find_dag(args.dag_id, bundle_names=args.bundle_name, path=args.dagfile_path))
    else:
        checks = _check_file(args)
    print_rows([_check_record(each) for each in checks], args.output, lists=_SENTENCES)
    note(*(f"Refused: {line}" for line in refusals(checks)), *(f"Warning: {line}" for line in warnings(checks)))
    note(sum_line(checks))
    is_affordable = total(checks).is_within(args.max_cost)
    if not is_affordable:
        note(f"That can be more than {args.max_cost:g} USD", *unbounded(checks))
    if refusals(checks) or not is_affordable:
        raise SystemExit(1)


@_command
def get(args: Namespace) -> None:
    """Show a prediction."""
    print_properties(_prediction(_hook(args).get_prediction(args.prediction_id)), args.output)


@_command
def wait(args: Namespace) -> None:
    """Wait for a prediction, and show it."""
    try:
        with progress() as display:
            display.add_task(f"Waiting for {args.prediction_id}", total=None)
            prediction = _hook(args).wait_for_prediction(
                args.prediction_id, timeout=args.timeout, poll_interval=args.poll_interval
            )
    except WaitTimeoutError as error:
        # The advice of the hook is for Python code.
        error.advice = _WAIT_AGAIN
        raise
    except KeyboardInterrupt:
        _fail(
            f"The wait ended. Prediction {args.prediction_id} goes on at the service and is billed. {_WAIT_AGAIN}",
            code=130,
        )
    print_properties(_prediction(prediction), args.output)


@_command
def download(args: Namespace) -> None:
    """Store the videos of a prediction."""
    hook = _hook(args)
    folder, name = _target(args.destination)
    transfer = Transfer(
        destination=folder, urls=None, prediction_id=args.prediction_id, filename=name, storage_conn_id=None
    )
    options = TransferOptions(overwrite=args.overwrite, max_bytes=MAXIMUM_FILE_BYTES, allow_private_addresses=False)
    with progress() as display:
        display.add_task(f"Downloading {args.prediction_id}", total=None)
        paths = run_transfer(transfer, options, get_settings=hook.get_settings, log=hook.log)
    for path in paths:
        print(path)


@_command
def spend(args: Namespace) -> None:
    """Add up the ledger of a connection."""
    settings = _hook(args).get_settings().ledger
    if settings is None:
        _fail(f"The connection {args.conn_id} has no ledger: name one in its extra field ledger")
    with progress() as display:
        task = display.add_task("Reading the ledger", total=None)
        found = spent_between(settings, args.first, args.last, args.by, on_progress=lambda n: display.advance(task, n))
    print_rows([dataclasses.asdict(each) for each in found.groups], args.output)
    note(*found.notes, *found.unreadable)
    if found.unreadable:
        raise SystemExit(1)


def _hook(args: Namespace) -> SeedanceHook:
    # As Airflow's own commands do: otherwise connections in the metadata database are not found.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    return SeedanceHook(args.conn_id)


def _check_file(args: Namespace) -> list[RowCheck]:
    ignored = [name.strip() for name in (args.ignore_columns or "").split(",")]
    try:
        with Path(args.rows).open(encoding="utf-8-sig", newline="") as file, progress() as display:
            display.add_task(f"Checking {args.rows}", total=None)
            return list(check_rows(file, ignored=ignored, validation=args.validation or "strict"))
    except UnicodeDecodeError as error:
        _fail(f"{args.rows}: {error}: save it as UTF-8", code=2)
    except (OSError, TableError) as error:
        _fail(f"{args.rows}: {error}", code=2)


def _target(destination: str) -> tuple[str, str]:
    """Return the folder and the name pattern of a destination, which is a file if it ends in ``.mp4``."""
    path = destination if "://" in destination else str(Path(destination).expanduser().absolute())
    folder, _, name = path.rpartition("/")
    if not name.lower().endswith(".mp4") or Path(path).is_dir():
        return path, DEFAULT_FILENAME
    name = name.replace("{", "{{").replace("}", "}}")
    return f"{folder}/", name


def _model(model_id: str, known: Model) -> dict[str, Any]:
    shortest, longest = known.durations
    references = known.references
    return {
        "model": model_id,
        "modes": sorted(known.modes),
        "seconds": f"{shortest}-{longest}",
        "usd_per_second": {resolution: known.prices.get(resolution) for resolution in known.resolutions},
        "sound": known.generate_audio,
        "last_image": known.last_image,
        "references": references and {name: getattr(references, name) for name in ("images", "videos", "audios")},
        "retired": known.retired or None,
    }


def _check_record(found: TaskCheck | RowCheck) -> dict[str, Any]:
    generation = found.generation
    given = generation.parameters
    if isinstance(found, RowCheck):
        place: dict[str, Any] = {"line": found.line, "mode": generation.mode}
    else:
        place = {"task": found.name, "instances": found.instances, "submissions": found.submissions}
    return {
        **place,
        **{name: given.get(name) for name in ("model", "duration", "resolution")},
        "estimate_usd": found.estimate,
        "highest_usd": found.highest,
        "unknown": list(generation.unknown),
        "refusals": list(generation.refusals),
        "warnings": list(generation.warnings),
    }


def _prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "id": prediction.id,
        "status": prediction.status,
        "model": prediction.model or None,
        "created_at": prediction.created_at,
        "inference_seconds": prediction.inference_seconds or None,
        "has_nsfw_contents": any(prediction.has_nsfw_contents),
        "error": prediction.error.shown() if prediction.error else None,
        "outputs": prediction.outputs,
    }
