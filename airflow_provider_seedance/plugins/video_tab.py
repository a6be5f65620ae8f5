"""
The tab "Video" on the task instance page.

Airflow shows it in a frame. What is in the frame is a page of a few static files, the same for everybody; its script
asks Airflow's own REST API with the reader's session, so nobody sees more than Airflow lets them. Every component of
Airflow imports this module, also where DAG files are parsed: it loads nothing but the class it derives from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_seedance.plugins.static_files import StaticFiles

#: Last part of the tab's address, ``.../tasks/{task}/plugin/seedance-video``; the page's script has it, too.
URL_ROUTE = "seedance-video"


class SeedanceVideoTabPlugin(AirflowPlugin):
    """Serves the page, and tells Airflow to show it as a tab."""

    name = "seedance_video_tab"
    fastapi_apps: list[Any] = [  # noqa: RUF012 - as the class it derives from declares it
        {
            "app": StaticFiles(Path(__file__).with_name("static"), index="video"),
            "url_prefix": "/seedance",
            "name": "Seedance video tab",
        }
    ]
    external_views: list[Any] = [  # noqa: RUF012 - as the class it derives from declares it
        {
            "name": "Video",
            "destination": "task_instance",
            "url_route": URL_ROUTE,
            # Relative, so that it holds below a path in `[api] base_url` as well.
            "href": "seedance/video?dag={DAG_ID}&run={RUN_ID}&task={TASK_ID}&map_index={MAP_INDEX}",
        }
    ]
