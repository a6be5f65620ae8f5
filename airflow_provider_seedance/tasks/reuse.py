"""Check the links of a delivered video that a task returns once more: they expire after about a day."""

from __future__ import annotations

import time

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DeliveredVideoLostError,
    DownloadFailedError,
    ForbiddenLinkError,
)
from airflow_provider_seedance.gptproto.http.download import ATTEMPTS, link_delay
from airflow_provider_seedance.gptproto.http.fetch import PublicFetcher, redact_url
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.settings import ClientSettings

#: What a store answers for a link that has expired, or for a file that is gone.
_DEAD = (403, 404, 410)
_ALIVE = (200, 206, 416)
# Stores of signed links often refuse HEAD.
_FIRST_BYTE = {"Range": "bytes=0-0"}
_LOST_ADVICE = (
    "Nothing was submitted. Use the stored copy if there is one. The service returns a prediction for 7 days: clear "
    "the task later, and it requests the link again and pays nothing. Only if the link stays dead, set "
    'on_clear="regenerate" and clear the task to pay for a new video.'
)


def check_links(prediction: Prediction, settings: ClientSettings, *, log: Log) -> None:
    """
    Check that the links that the service returned last still work.

    A link that cannot be checked from here is a warning, because the next task may reach it. A CDN may refuse a link
    for some seconds, so it is dead only after repeated requests.

    :param prediction: The prediction as the service returns it now: it has no fresher links.
    :param settings: The connection's settings.
    :param log: The task's log.
    :raises DeliveredVideoLostError: When a link is dead.
    """
    fetcher = PublicFetcher(settings)
    for link in prediction.outputs:
        try:
            status = _status(link, fetcher)
        except (DownloadFailedError, ForbiddenLinkError) as error:
            log.warning("The link of the delivered video could not be checked: %s", error.what)
            continue
        if status not in _ALIVE and status not in _DEAD:
            log.warning("The link of the delivered video may not work: %s answered %d", redact_url(link), status)
        if status in _DEAD:
            what = f"The delivered video is not available any more: its link {redact_url(link)} answered {status}"
            raise DeliveredVideoLostError(
                what, prediction_id=prediction.id, charge=Charge.ACCEPTED, advice=_LOST_ADVICE
            )


def _status(link: str, fetcher: PublicFetcher) -> int:
    """Return the first status of a link that does not say that it is dead, or the last one of all attempts."""
    for failures in range(1, ATTEMPTS + 1):
        with fetcher.get(link, _FIRST_BYTE) as response:
            status = response.status
        if status not in _DEAD or failures == ATTEMPTS:
            break
        time.sleep(link_delay(failures))
    return status
