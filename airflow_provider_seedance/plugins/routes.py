"""The HTTP endpoints of the videos page. Airflow's own dependencies check the user and his rights."""

from __future__ import annotations

import json
from datetime import UTC, date, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import ReadableXComFilterDep, requires_access_dag
from fastapi import APIRouter, Depends, FastAPI, Query, Response
from pydantic import BeforeValidator

from airflow_provider_seedance.plugins.generations import Facts, Filters, Generation, Outcome, sums
from airflow_provider_seedance.plugins.queries import XComs

#: Generations of a page; more would make one slow response.
_LONGEST_PAGE = 200
#: Waiting generations that are shown.
_WAITING_SHOWN = 10

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
    since, before = filters.period(zone)
    models: set[str] = set()
    found: list[Facts] = []
    for each in xcoms.generations(dag_id=filters.dag_id, since=since, before=before):
        if each.model is not None:
            models.add(each.model)
        if filters.match(each):
            found.append(each.facts)
    found.sort(reverse=True)
    waiting = sorted(
        (
            (each.started_at, each.key)
            for each in xcoms.unfinished(filters.dag_id)
            if each.outcome is Outcome.WAITING and filters.match_request(each)
        ),
    )
    page = list(xcoms.generations_of([each.key for each in found[offset : offset + limit]]))
    waiting_shown = list(xcoms.generations_of([key for _, key in waiting[:_WAITING_SHOWN]]))
    return _json(
        {
            "generations": [_described(each) for each in page],
            "total": len(found),
            "limit": limit,
            "offset": offset,
            "zone": str(zone),
            "dags": xcoms.dag_ids(),
            "models": sorted(models),
            "sums": {"source": "xcom", **sums(found, zone)},
            "waiting": {
                "total": len(waiting),
                "longest_since": waiting[0][0].isoformat() if waiting else None,
                "generations": [_described(each) for each in waiting_shown],
            },
        }
    )


def _described(generation: Generation) -> dict[str, Any]:
    usd = generation.usd
    return {
        **generation.key._asdict(),
        "label": generation.label,
        "state": generation.state,
        "try_number": generation.try_number,
        "pushed_at": generation.pushed_at.isoformat(),
        "operator": generation.operator,
        "prediction": None if generation.is_reference else generation.value,
        "is_reference": generation.is_reference,
        "outcome": generation.outcome,
        "usd": None if usd is None else float(usd),
        "copies": [],
    }


def _json(content: object) -> Response:
    # Escaped, because a text in an XCom can have halves of a surrogate pair, which UTF-8 does not have.
    return Response(json.dumps(content, separators=(",", ":")), media_type="application/json")
