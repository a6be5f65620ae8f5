"""The extra link *Video*: a button on the task that leads to its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class SeedanceVideoLink(BaseOperatorLink):
    """
    A link to the first output. Until there is one, Airflow shows no link.

    Airflow evaluates it on the worker after each leg, and keeps it in XCom for the UI. It is read from the operator: a
    read of an XCom that does not exist yet is an error in the task's log.
    """

    name = "Video"

    @property
    def xcom_key(self) -> str:
        """The XCom key of the link. Not ``video_url``, which would hold an empty text during the wait."""
        return "video_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the task's first output, or an empty text."""
        address = getattr(operator, "video_url", "")
        # The URL comes from the service, and a browser would run a `javascript:` URL.
        return address if address.lower().startswith(("http://", "https://")) else ""
