"""
The tab "Video" on the task instance page, and the page "Seedance" in the navigation.

Airflow shows both in a frame. They consist of a few static files, the same for each user. Their scripts call Airflow
with the user's session, so Airflow's permissions apply. Every component of Airflow imports this module, the DAG
processor too, so it imports only its base class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_seedance.plugins.app import SeedanceApp

#: Last part of the tab's URL, ``.../tasks/{task}/plugin/seedance-video``; ``static/urls.js`` repeats it.
URL_ROUTE = "seedance-video"
#: The operators that push the XCom ``prediction`` or ``stored``, by the names that Airflow shows.
OPERATOR_NAMES = [
    "SeedanceTextToVideoOperator",
    "SeedanceImageToVideoOperator",
    "SeedanceReferenceToVideoOperator",
    "SeedancePredictionSensor",
    "SeedanceToObjectStorageOperator",
    "@task.seedance",
]


class SeedanceVideoTabPlugin(AirflowPlugin):
    """Serves the pages, and registers them."""

    name = "seedance_video_tab"
    fastapi_apps: list[Any] = [  # noqa: RUF012 - as the base class declares it
        {
            "app": SeedanceApp(Path(__file__).with_name("static")),
            "url_prefix": "/seedance",
            "name": "Seedance video tab",
        }
    ]
    external_views: list[Any] = [  # noqa: RUF012 - as the base class declares it
        {
            "name": "Video",
            "destination": "task_instance",
            "url_route": URL_ROUTE,
            # Relative, because `[api] base_url` can contain a path.
            "href": "seedance/video?dag={DAG_ID}&run={RUN_ID}&task={TASK_ID}&map_index={MAP_INDEX}",
            # Airflow below 3.4 ignores this key, and shows the tab on every task instance.
            "applies_to": {"operator_name": OPERATOR_NAMES},
        },
        {
            "name": "Seedance",
            "destination": "nav",
            "url_route": "seedance-videos",
            "href": "seedance/videos",
            "icon": "seedance/icon.svg",
        },
    ]
