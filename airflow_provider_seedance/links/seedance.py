"""The extra link *Video*: a button on the task that leads to its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class SeedanceVideoLink(BaseOperatorLink):
    """A link to the first output. Until there is one, Airflow shows no link."""

    name = "Video"

    @property
    def xcom_key(self) -> str:
        """The XCom key of the link. Not ``video_url``, which would hold an empty text during the wait."""
        return "video_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the task's first output, or an empty text."""
        address = XCom.get_value(key="video_url", ti_key=ti_key)
        # The URL comes from the service, and a browser would run a `javascript:` URL.
        is_web_address = isinstance(address, str) and address.lower().startswith(("http://", "https://"))
        return address if is_web_address else ""
