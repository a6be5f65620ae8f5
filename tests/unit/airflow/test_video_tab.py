"""The plugin of the tab "Video" and the page "Seedance": discovery, static files, response headers and content."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest
from airflow import plugins_manager
from airflow.api_fastapi.app import init_plugins
from airflow.sdk import DAG, task
from fastapi import FastAPI

from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
    SeedanceTextToVideoOperator,
)
from airflow_provider_seedance.plugins import static_files
from airflow_provider_seedance.plugins.static_files import StaticFiles
from airflow_provider_seedance.plugins.video_tab import URL_ROUTE, SeedanceVideoTabPlugin
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.unit.airflow.test_imports import run_python

STATIC = Path(static_files.__file__).with_name("static")
SCRIPTS = sorted(STATIC.glob("*.js"))
PAGES = sorted(STATIC.glob("*.html"))
NODE = shutil.which("node")
SECURITY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "media-src": "http: https:",
    "img-src": "http: https:",
    "frame-ancestors": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}


def make_client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://airflow.example")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an app with the plugins, as Airflow's API server mounts them."""
    app = FastAPI()
    init_plugins(app)
    async with make_client(app) as opened:
        yield opened


class TestDiscovery:
    def test_airflow_finds_plugin_without_loading_every_provider(self) -> None:
        [found] = [each for each in entry_points(group="airflow.plugins") if "seedance" in each.value]
        assert found.load() is SeedanceVideoTabPlugin
        [info] = [each for each in plugins_manager.get_plugin_info() if each["name"] == found.name]
        assert info["external_views"] == SeedanceVideoTabPlugin.external_views

    def test_airflow_finds_plugin_once_when_it_loads_every_provider(self) -> None:
        # A plugin that the provider's metadata names, too, would be an import error here.
        printed = run_python(
            "from airflow import plugins_manager\n"
            "print([plugin['name'] for plugin in plugins_manager.get_plugin_info()])\n"
            "print(plugins_manager.get_import_errors() if hasattr(plugins_manager, 'get_import_errors')"
            " else plugins_manager.import_errors)",
            AIRFLOW__CORE__LAZY_DISCOVER_PROVIDERS="False",
        ).splitlines()
        assert printed[-2].count("seedance_video_tab") == 1
        assert "seedance" not in printed[-1]

    def test_tab_is_on_task_instance_page_with_relative_url(self) -> None:
        view, _ = SeedanceVideoTabPlugin.external_views
        assert view["destination"] == "task_instance"
        assert view["name"] == "Video"
        assert not view["href"].startswith("/")
        for placeholder in ("{DAG_ID}", "{RUN_ID}", "{TASK_ID}", "{MAP_INDEX}"):
            assert placeholder in view["href"]

    def test_page_is_in_navigation_with_relative_urls(self) -> None:
        _, view = SeedanceVideoTabPlugin.external_views
        assert (view["destination"], view["name"]) == ("nav", "Seedance")
        assert (view["href"], view["icon"]) == ("seedance/videos", "seedance/icon.svg")

    def test_tab_applies_to_each_operator_that_pushes_its_xcoms(self) -> None:
        @task.seedance
        def decorated() -> str:
            return "A boat"

        with DAG("operators", schedule=None) as dag:
            SeedanceTextToVideoOperator(task_id="text", prompt="A boat")
            SeedanceImageToVideoOperator(task_id="image", prompt="A boat", image="https://a.example/1.png")
            SeedanceReferenceToVideoOperator(task_id="references", prompt="A boat", images=["https://a.example/1.png"])
            SeedancePredictionSensor(task_id="sensor", prediction_id="4f0a9c1e7b3d4c5f8e6a2b1d0c9f8e7d")
            SeedanceToObjectStorageOperator(task_id="store", urls=["https://a.example/1.mp4"], destination="/videos")
            decorated()
        view, _ = SeedanceVideoTabPlugin.external_views
        [(field, names)] = view["applies_to"].items()
        # The path is the field of Airflow's task instances with the operator's display name.
        assert field == "operator_name"
        assert sorted(names) == sorted(each.operator_name for each in dag.tasks)

    def test_url_route_is_the_same_in_page_and_plugin(self) -> None:
        assert f'const URL_ROUTE = "{URL_ROUTE}";' in (STATIC / "urls.js").read_text()

    def test_plugin_import_loads_no_web_framework_and_no_client(self) -> None:
        printed = run_python(
            "import sys, airflow.sdk, airflow.plugins_manager\n"
            "from airflow.providers.common.compat.sdk import AirflowPlugin\n"
            "import airflow_provider_seedance\n"
            "before = set(sys.modules)\n"
            "import airflow_provider_seedance.plugins.video_tab\n"
            "print(*set(sys.modules) - before)"
        )
        loaded = printed.splitlines()[-1].split()
        plugins = "airflow_provider_seedance.plugins"
        assert {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names} == {
            plugins,
            f"{plugins}.app",
            f"{plugins}.static_files",
            f"{plugins}.video_tab",
        }


class TestServing:
    async def test_pages_and_all_files_they_refer_to_are_served(self, client: httpx.AsyncClient) -> None:
        names = {"icon.svg"}
        for name in ("video", "videos"):
            names |= set(re.findall(r'(?:src|href)="([^"]+)"', (await client.get(f"/seedance/{name}")).text))
        for script in SCRIPTS:
            names |= set(re.findall(r'from "\./([^"]+)"', script.read_text()))
        assert names == {path.name for path in STATIC.iterdir()} - {"video.html", "videos.html"}
        for name in names:
            response = await client.get(f"/seedance/{name}")
            assert response.status_code == 200
            assert response.content == (STATIC / name).read_bytes()

    @pytest.mark.parametrize(
        ("name", "content_type"),
        [
            ("video", "text/html; charset=utf-8"),
            ("videos", "text/html; charset=utf-8"),
            ("main.js", "text/javascript; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
            ("style.css", "text/css; charset=utf-8"),
        ],
    )
    async def test_files_have_content_type_and_length(
        self, client: httpx.AsyncClient, name: str, content_type: str
    ) -> None:
        response = await client.get(f"/seedance/{name}")
        assert response.headers["content-type"] == content_type
        assert int(response.headers["content-length"]) == len(response.content) > 0

    async def test_page_is_the_same_for_any_query(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/seedance/video?dag=%3Cscript%3E&run=a&task=b")
        assert response.content == (STATIC / "video.html").read_bytes()

    @pytest.mark.parametrize(
        ("base_url", "path"), [("https://airflow.example/team/airflow", "/team/airflow"), ("https://a.example", "")]
    )
    async def test_page_is_served_below_path_of_base_url(self, base_url: str, path: str) -> None:
        app = FastAPI(root_path=path)
        init_plugins(app)
        async with make_client(app) as client:
            assert (await client.get(f"{path}/seedance/video")).status_code == 200

    async def test_head_response_has_no_body(self, client: httpx.AsyncClient) -> None:
        response = await client.head("/seedance/video")
        assert (response.status_code, response.content) == (200, b"")
        assert int(response.headers["content-length"]) == (STATIC / "video.html").stat().st_size

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    async def test_other_methods_are_not_allowed(self, client: httpx.AsyncClient, method: str) -> None:
        response = await client.request(method, "/seedance/video")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "video.html",
            "index.html",
            "video/",
            "nothing.js",
            "%2e%2e/video_tab.py",
            "..%2fvideo_tab.py",
            "static/main.js",
            "%2fetc%2fpasswd",
            "main.js%00",
        ],
    )
    async def test_unknown_path_is_not_found(self, client: httpx.AsyncClient, path: str) -> None:
        response = await client.get(f"/seedance/{path}")
        assert (response.status_code, response.text) == (404, "Not Found")

    async def test_files_of_other_types_are_not_found(self, tmp_path: Path) -> None:
        (tmp_path / "video.html").write_text("page")
        (tmp_path / "secret.py").write_text("secret")
        app = FastAPI()
        app.mount("/tab", StaticFiles(tmp_path))
        async with make_client(app) as client:
            assert (await client.get("/tab/video")).text == "page"
            assert (await client.get("/tab/secret.py")).status_code == 404

    async def test_websocket_is_closed(self) -> None:
        sent = []

        async def send(message: static_files.Message) -> None:
            sent.append(message)

        async def receive() -> static_files.Message:
            return {"type": "websocket.connect"}

        await StaticFiles(STATIC)({"type": "websocket"}, receive, send)
        assert sent == [{"type": "websocket.close"}]


class TestHeaders:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "video", 200),
            ("GET", "main.js", 200),
            ("HEAD", "video", 200),
            ("GET", "nothing", 404),
            ("POST", "video", 405),
        ],
    )
    async def test_every_response_has_security_headers(
        self, client: httpx.AsyncClient, method: str, path: str, status: int
    ) -> None:
        response = await client.request(method, f"/seedance/{path}")
        assert response.status_code == status
        policy = response.headers["content-security-policy"]
        assert dict(each.strip().split(" ", 1) for each in policy.split(";")) == SECURITY
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"

    async def test_current_file_is_not_modified(self, client: httpx.AsyncClient) -> None:
        first = await client.get("/seedance/main.js")
        assert first.headers["cache-control"] == "no-cache"
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"another", {tag}'):
            again = await client.get("/seedance/main.js", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = await client.get("/seedance/main.js", headers={"If-None-Match": '"another"'})
        assert (other.status_code, other.content) == (200, first.content)

    async def test_etag_depends_on_content_not_on_modification_time(self, tmp_path: Path) -> None:
        tags = []
        for content in ("old", "new"):
            path = tmp_path / "main.js"
            path.write_text(content)
            os.utime(path, (1_580_601_600, 1_580_601_600))
            app = FastAPI()
            app.mount("/tab", StaticFiles(tmp_path))
            async with make_client(app) as client:
                tags.append((await client.get("/tab/main.js")).headers["etag"])
        assert tags[0] != tags[1]


class TestPage:
    @pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.name))
    def test_page_has_no_inline_code_and_no_external_resources(self, path: Path) -> None:
        page = path.read_text()
        assert re.findall(r"<script[^>]*>[^<]+", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=|//", page) == []
        assert re.findall(r"url\(|@import", (STATIC / "style.css").read_text()) == []

    @pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.name))
    def test_scripts_never_insert_html_or_evaluate_code(self, script: Path) -> None:
        unsafe = (
            r"innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|parseFromString|document\.write|eval\(|Function\("
        )
        assert re.findall(unsafe, script.read_text()) == []

    @pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
    def test_scripts_pass_their_own_tests(self, tmp_path: Path) -> None:
        for path in (*SCRIPTS, *Path(__file__).parent.glob("video_tab/*.js")):
            shutil.copy(path, tmp_path)
        # The page declares the scripts as modules; for Node.js, package.json does.
        (tmp_path / "package.json").write_text('{"type": "module"}')
        command = [str(NODE), "--test", "--test-reporter=spec"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - found above
        assert run.returncode == 0, run.stdout
        assert "pass 0" not in run.stdout
