"""The HTTP endpoints of the videos page. Airflow's own dependencies check the user and his rights."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import ReadableXComFilterDep, requires_access_dag
from airflow.providers.common.compat.sdk import conf
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator

from airflow_provider_seedance.plugins.copies import Wanted, find_copies
from airflow_provider_seedance.plugins.export import csv_pieces
from airflow_provider_seedance.plugins.generations import Facts, Filters, Generation, Outcome, TaskKey, sums
from airflow_provider_seedance.plugins.ledger_entries import LedgerReader
from airflow_provider_seedance.plugins.queries import XComs
from airflow_provider_seedance.plugins.roots import Root, read_roots, root_of
from airflow_provider_seedance.plugins.serving import file_pieces, serve

#: Generations of a page; more would make one slow response.
_LONGEST_PAGE = 200
#: Waiting generations that are shown.
_WAITING_SHOWN = 10
#: Bytes.
_LARGEST_TABLE_IN_MEMORY = 4 * 2**20
_LEDGER_SECONDS = 2.0
#: Clocks of workers, service and database may differ so much.
_CLOCK_DIFFERENCE = timedelta(hours=1)
#: No video is older.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)
_LEDGERS = LedgerReader()

# Airflow itself reads `dag_id` from the query: without one, it checks the right to read XComs at all.
router = APIRouter(dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))])


def make_endpoints() -> FastAPI:
    """Return the application with the endpoints."""
    app = FastAPI(openapi_url=None)
    # Airflow 3.1's dependencies read it from the application that serves the request.
    app.state.auth_manager = get_auth_manager()
    app.include_router(router)
    return app


def _xcoms(session: SessionDep, readable: ReadableXComFilterDep) -> XComs:
    return XComs(session, readable)


def _none_if_empty(value: object) -> object:
    """Read an empty text as no value: a form sends one for what is not filled in."""
    return None if value == "" else value


def _zone(zone: str = "UTC") -> tzinfo:
    """Return a time zone; UTC for a name that this host does not have, as a new one of a browser."""
    try:
        return ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        return UTC


_Text = Annotated[str | None, BeforeValidator(_none_if_empty)]
_Day = Annotated[date | None, BeforeValidator(_none_if_empty)]
_XComs = Annotated[XComs, Depends(_xcoms)]
_Zone = Annotated[tzinfo, Depends(_zone)]


def _filters(
    dag_id: _Text = None,
    model: _Text = None,
    outcome: Annotated[Outcome | None, BeforeValidator(_none_if_empty)] = None,
    since: _Day = None,
    until: _Day = None,
    text: _Text = None,
) -> Filters:
    return Filters(dag_id=dag_id, model=model, outcome=outcome, since=since, until=until, text=text)


_Filters = Annotated[Filters, Depends(_filters)]


@router.get("/api/generations")
def get_generations(
    xcoms: _XComs,
    filters: _Filters,
    zone: _Zone,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_PAGE)] = 24,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Return a page of the generations, newest first, with sums of all that the filters match."""
    found, models = _find(xcoms, filters, zone)
    waiting = sorted(
        (
            (each.waiting_since, each.key)
            for each in xcoms.unfinished(filters.dag_id)
            if each.outcome is Outcome.WAITING and filters.match_request(each)
        ),
    )
    page = list(xcoms.generations_of([each.key for each in found[offset : offset + limit]]))
    copies = _copies_of(page, xcoms)
    waiting_shown = list(xcoms.generations_of([key for _, key in waiting[:_WAITING_SHOWN]]))
    return _json(
        {
            "generations": [_described(each, copies[each.key]) for each in page],
            "total": len(found),
            "limit": limit,
            "offset": offset,
            "zone": str(zone),
            "dags": xcoms.dag_ids(),
            "models": models,
            "sums": _sums(found, xcoms, filters, zone),
            "waiting": {
                "total": len(waiting),
                "longest_since": waiting[0][0].isoformat() if waiting else None,
                "generations": [_described(each, []) for each in waiting_shown],
            },
        }
    )


@router.get("/api/generations.csv")
def get_table(xcoms: _XComs, filters: _Filters, zone: _Zone) -> Response:
    """Return all generations that the filters match as CSV, newest first."""
    found, _ = _find(xcoms, filters, zone)
    # On disk if it is long: the session ends before the response begins.
    table = tempfile.SpooledTemporaryFile(_LARGEST_TABLE_IN_MEMORY)  # noqa: SIM115 - the response closes it
    for piece in csv_pieces(xcoms.generations_of([each.key for each in found])):
        table.write(piece)
    size = table.tell()
    headers = {"content-disposition": 'attachment; filename="seedance-generations.csv"'}
    return StreamingResponse(file_pieces(table, range(size)), HTTPStatus.OK, headers, "text/csv")


def _sums(found: Sequence[Facts], xcoms: XComs, filters: Filters, zone: tzinfo) -> dict[str, Any]:
    """Return the sums: of the ledger's entries where they have all that is filtered by, else of the XComs."""
    conn_ids = [each.strip() for each in conf.get("seedance", "ledger_conn_ids", fallback="").split(",")]
    note = None
    if any(conn_ids) and filters.text is None and filters.outcome is None:
        xcoms.release()
        try:
            entries = _LEDGERS.read(filter(None, conn_ids), *filters.period(zone), timeout=_LEDGER_SECONDS)
            shown = [
                each for each in entries if each.key.dag_id in xcoms.readable_dag_ids and filters.match_entry(each)
            ]
            return {"source": "ledger", "note": None, **sums(shown, zone)}
        except Exception as error:  # each store has errors of its own, with texts that may contain a password
            _log.warning("The ledgers of [seedance] ledger_conn_ids could not be read (%s)", type(error).__name__)
            reason = "was not read in time" if isinstance(error, TimeoutError) else "could not be read"
            note = f"The ledger {reason}. The sums are those of the generations that Airflow still has."
    return {"source": "xcom", "note": note, **sums(found, zone)}


def _find(xcoms: XComs, filters: Filters, zone: tzinfo) -> tuple[list[Facts], list[str]]:
    """Return the generations that the filters match, newest first, and the models of their DAG and days."""
    since, before = filters.period(zone)
    models: set[str] = set()
    found: list[Facts] = []
    for each in xcoms.generations(dag_id=filters.dag_id, since=since, before=before):
        if each.model is not None:
            models.add(each.model)
        if filters.match(each):
            found.append(each.facts)
    return sorted(found, key=lambda each: (each.pushed_at, each.key), reverse=True), sorted(models)


@router.get("/api/copies")
def get_copies(
    xcoms: _XComs, prediction_id: Annotated[list[str], Query(min_length=1, max_length=_LONGEST_PAGE)]
) -> Response:
    """Return the stored copies of predictions."""
    wanted = {each: Wanted(each) for each in prediction_id}
    known = list(xcoms.generations_with(wanted))
    for each in known:
        if each.prediction_id in wanted:
            wanted[each.prediction_id] = Wanted(each.prediction_id, each.outputs, each.key.dag_id)
    # A prediction that no task knows may have been stored at any time.
    is_known = {each.prediction_id for each in known} >= wanted.keys()
    stored = xcoms.stored(since=_created_before(known) if is_known else None)
    return _json({"copies": find_copies(wanted, stored, _roots())})


@router.api_route("/stored", methods=["GET", "HEAD"])
def get_stored(
    request: Request,
    xcoms: _XComs,
    dag_id: str,
    run_id: str,
    task_id: str,
    file: Annotated[int, Query(ge=0)] = 0,
    map_index: Annotated[int, Query(ge=-1, lt=2**31)] = -1,
    region_id: UUID | None = None,
    poster: bool = False,
) -> Response:
    """
    Respond with a file that a task instance stored, or its poster.

    :param file: The position in the list of XCom ``stored``. The path comes from there, never from the request.
    """
    key = TaskKey(dag_id, run_id, task_id, map_index, region_id)
    files = [each for xcom in xcoms.stored(key=key) for each in xcom.files.files][file : file + 1]
    found = root_of(files[0].poster if poster else files[0].path, _roots()) if files else None
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    xcoms.release()
    try:
        return serve(*found, "image/jpeg" if poster else "video/mp4", request.method, request.headers)
    except (FileNotFoundError, PermissionError):
        raise HTTPException(HTTPStatus.NOT_FOUND) from None
    except Exception as error:  # each store has errors of its own
        # The text is left out, because it may contain a password of the connection.
        _log.error("A file below %s could not be read (%s)", found[0].uri, type(error).__name__)
        raise HTTPException(HTTPStatus.BAD_GATEWAY) from None


def _roots() -> list[Root]:
    try:
        return read_roots(conf.get("seedance", "media_roots", fallback=""))
    except ValueError as error:
        _log.error("No stored file is served, because [seedance] media_roots is invalid: %s", error)
        return []


def _copies_of(generations: Sequence[Generation], xcoms: XComs) -> dict[TaskKey, list[dict[str, Any]]]:
    wanted = {each.key: Wanted(each.prediction_id, each.outputs, each.key.dag_id) for each in generations}
    stored = xcoms.stored(since=_created_before(generations)) if wanted else ()
    return find_copies(wanted, stored, _roots())


def _created_before(generations: Iterable[Generation]) -> datetime | None:
    """Return a time before which there can be no copy; ``None`` if it is unknown."""
    with_copies = [each for each in generations if each.prediction_id or each.outputs]
    # The service's clock may be wrong.
    known = [min(each.created_at, each.pushed_at) for each in with_copies if each.created_at is not None]
    return max(min(known), _EARLIEST) - _CLOCK_DIFFERENCE if known and len(known) == len(with_copies) else None


def _described(generation: Generation, copies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    usd = generation.usd
    return {
        **generation.key.to_dict(),
        "label": generation.label,
        "state": generation.state,
        "try_number": generation.try_number,
        "pushed_at": generation.pushed_at.isoformat(),
        "operator": generation.operator,
        "prediction": None if generation.is_reference else generation.value,
        "is_reference": generation.is_reference,
        "outcome": generation.outcome,
        "usd": None if usd is None else float(usd),
        "copies": copies,
    }


def _json(content: object) -> Response:
    # Escaped, because a text in an XCom can have halves of a surrogate pair, which UTF-8 does not have.
    return Response(json.dumps(content, separators=(",", ":")), media_type="application/json")
