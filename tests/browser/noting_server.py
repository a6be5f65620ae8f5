"""A server that answers for any host name and notes the cookies of each request, with the tab of a fictitious task."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from airflow_provider_seedance.emulator.server import listen
from airflow_provider_seedance.plugins.video_tab import SeedanceVideoTabPlugin

#: Hosts of the fictitious Airflow, in its domain, of the service, of a stranger, and in a private network.
AIRFLOW = "airflow.company.example"
SIBLING = "wiki.company.example"
SERVICE = "outputs.service.net"
STRANGER = "bank.org"
PRIVATE = "router.lan"
HOSTS = (AIRFLOW, SIBLING, SERVICE, STRANGER, PRIVATE)
#: Paths of the tab, for a task instance and for all instances of a mapped task.
TAB = "seedance/video?dag=d&run=r&task=t&map_index=0"
GRID = "seedance/video?dag=d&run=r&task=t"
_COPY = {"dag_id": "d", "run_id": "r", "task_id": "store", "map_index": -1, "index": 0, "has_poster": False}
#: The cookies of each host, in the form of Airflow's token and in that of older software.
_COOKIES = ("_token=secret; Path=/; SameSite=Lax; HttpOnly", "session=secret; Path=/")


@dataclass(frozen=True, slots=True)
class Noted:
    """
    A request.

    :param host: Host, without the port.
    :param path: Path, without the query.
    :param cookies: The header ``Cookie``; empty without one.
    :param referrer: The header ``Referer``; empty without one.
    """

    host: str
    path: str
    cookies: str
    referrer: str


@dataclass(frozen=True, slots=True)
class NotingServer:
    """
    The server while it runs.

    :param port: Its port, for each host.
    :param task: The task instance.
    :param xcoms: The task's XComs.
    :param copies: The numbers of the stored files, each with whether it can be read.
    :param noted: All requests so far.
    """

    port: int
    task: dict[str, Any] = field(default_factory=dict)
    xcoms: dict[str, Any] = field(default_factory=dict)
    copies: dict[int, bool] = field(default_factory=dict)
    noted: list[Noted] = field(default_factory=list)

    def reset(self, outputs: Sequence[str] = (), copies: Mapping[int, bool] = MappingProxyType({})) -> None:
        """Forget all requests, and set the outputs of the task's prediction and the stored copies."""
        self.noted.clear()
        self.task.clear()
        self.task.update(operator="SeedanceTextToVideoOperator", state="success", map_index=0, try_number=1)
        prediction = {"id": "1", "status": "succeeded", "parameters": {"prompt": "A boat"}, "outputs": list(outputs)}
        self.xcoms.clear()
        self.xcoms.update(prediction={**prediction, "submissions": 1, "total_cost_usd": 0.499})
        self.copies.clear()
        self.copies.update(copies)

    def url(self, host: str, path: str = "video.mp4") -> str:
        """Return an address at a host."""
        return f"http://{host}:{self.port}/{path}"

    def redirect(self, host: str, target: str) -> str:
        """Return an address at a host that redirects to another address."""
        return self.url(host, f"redirect/{target}")

    def to(self, host: str, path: str = "") -> list[Noted]:
        """Return the requests to a host, with a path if one is given."""
        return [each for each in self.noted if each.host == host and path in ("", each.path)]


@contextmanager
def running_noting_server(video: Path) -> Iterator[NotingServer]:
    """
    Run the server for the duration of a ``with`` block.

    :param video: The file that each host returns for most paths.
    """
    listener = listen("127.0.0.1", 0)
    server = NotingServer(listener.getsockname()[1])

    def page(request: Request) -> Response:
        response = Response("<!doctype html>", media_type="text/html")
        for cookie in _COOKIES:
            response.headers.append("set-cookie", cookie)
        return response

    def redirect(request: Request) -> Response:
        return RedirectResponse(request.path_params["target"], status_code=302)

    def playlist(request: Request) -> Response:
        lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:5,", request.path_params["target"], "#EXT-X-ENDLIST")
        return Response("\n".join(lines), media_type="application/vnd.apple.mpegurl")

    def task(request: Request) -> Response:
        return JSONResponse(server.task)

    def no_task(request: Request) -> Response:
        return JSONResponse({}, status_code=404)

    def mapped(request: Request) -> Response:
        return JSONResponse({"task_instances": [server.task], "total_entries": 1})

    def xcom(request: Request) -> Response:
        value = server.xcoms.get(request.path_params["key"])
        return JSONResponse({"value": json.dumps(value)}, status_code=200 if value else 404)

    def copies(request: Request) -> Response:
        return JSONResponse({"copies": {"1": [{**_COPY, "file": number} for number in server.copies]}})

    def stored(request: Request) -> Response:
        if not server.copies.get(int(request.query_params["file"])):
            return Response(status_code=404)
        # As Airflow's answer, so that no test plays the file of another one from the browser's cache.
        return FileResponse(video, media_type="video/mp4", headers={"cache-control": "private, no-cache"})

    def file(request: Request) -> Response:
        return FileResponse(video, media_type="video/mp4")

    instance = "/api/v2/dags/d/dagRuns/r/taskInstances/t"
    [plugin] = SeedanceVideoTabPlugin.fastapi_apps
    routes = [
        Route("/page", page),
        Route("/redirect/{target:path}", redirect),
        Route("/{target:path}/playlist.m3u8", playlist),
        Route(instance, no_task),
        Route(f"{instance}/listMapped", mapped),
        Route(f"{instance}/0", task),
        Route(f"{instance}/xcomEntries/{{key}}", xcom),
        Route("/seedance/api/copies", copies),
        Route("/seedance/stored", stored),
        Mount(plugin["url_prefix"], plugin["app"]),
        Route("/{path:path}", file),
    ]
    app = Starlette(routes=routes)

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        headers = request.headers
        server.noted.append(
            Noted(request.url.hostname or "", scope["path"], headers.get("cookie", ""), headers.get("referer", ""))
        )
        await app(scope, receive, send)

    runner = uvicorn.Server(
        uvicorn.Config(noting, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=runner.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield server
    finally:
        runner.should_exit = True
        thread.join()
