"""Check the links of a delivered video that a task returns once more: they expire after about a day."""

from __future__ import annotations

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DeliveredVideoLostError,
    DownloadFailedError,
    ForbiddenLinkError,
)
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.http.fetch import PublicFetcher, redact_url
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.settings import ClientSettings

#: What a store answers for a link that has expired, or for a file that is gone.
_DEAD = (403, 404, 410)
_ALIVE = (200, 206, 416)
# Stores of signed links often refuse HEAD.
_FIRST_BYTE = {"Range": "bytes=0-0"}


def check_links(prediction: Prediction, settings: ClientSettings, *, log: Log) -> None:
    """
    Check that the links that the service returned last still work.

    A link that cannot be checked from here is a warning, because the next task may reach it.

    :param prediction: The prediction as the service returns it now: it has no fresher links.
    :param settings: The connection's settings.
    :param log: The task's log.
    :raises DeliveredVideoLostError: When a link is dead.
    """
    fetcher = PublicFetcher(settings)
    for link in prediction.outputs:
        try:
            with fetcher.get(link, _FIRST_BYTE) as response:
                status = response.status
        except (DownloadFailedError, ForbiddenLinkError) as error:
            log.warning("The link of the delivered video could not be checked: %s", error.what)
            continue
        if status not in _ALIVE and status not in _DEAD:
            log.warning("The link of the delivered video may not work: %s answered %d", redact_url(link), status)
        if status in _DEAD:
            what = f"The delivered video is not available any more: its link {redact_url(link)} answered {status}"
            raise DeliveredVideoLostError(what, prediction_id=prediction.id, charge=Charge.ACCEPTED)
