"""The button on the task that leads to its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class SeedanceVideoLink(BaseOperatorLink):
    """Leads to the first output as soon as there is one; until then there is no address, and Airflow shows no link."""

    name = "Video"

    @property
    def xcom_key(self) -> str:
        """Where Airflow keeps the address: not in ``video_url``, which would hold an empty text while waiting."""
        return "video_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the task's first output, or an empty text."""
        address = XCom.get_value(key="video_url", ti_key=ti_key)
        # The service says what it is, and a browser would run a `javascript:` address.
        is_web_address = isinstance(address, str) and address.lower().startswith(("http://", "https://"))
        return address if is_web_address else ""
