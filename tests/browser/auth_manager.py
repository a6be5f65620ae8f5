"""The simple auth manager, which hides one DAG from one person; Airflow loads it by its name."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

from tests.browser.people import STRANGER
from tests.browser.prompts import HIDDEN_DAG


class DiscreetAuthManager(SimpleAuthManager):
    """Roles as usual; to the stranger the hidden DAG is closed with all that belongs to it."""

    def is_authorized_dag(
        self,
        *,
        method: ResourceMethod,
        user: SimpleAuthManagerUser,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
    ) -> bool:
        """Return what the role allows, except for the hidden DAG."""
        if user.username == STRANGER.name and details is not None and details.id == HIDDEN_DAG:
            return False
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
