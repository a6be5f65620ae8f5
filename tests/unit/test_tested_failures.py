"""The table of tested failures has the scenarios of ``make chaos``, and the results that they expect."""

from __future__ import annotations

import re

import pytest

from tests.system.scenarios import RESTARTS, SCENARIOS, UNCONFIRMED, Scenario
from tests.unit.tables import read_table

ROWS = {
    row[0]: row[1:] for row in read_table("when-things-break.md", "| failure | booked | delivered | tries | result |")
}
#: For each row, a pattern of the names of its scenarios.
NAMES = {
    "none": "no faults.*",
    "the worker is killed before the submission is sent": "SIGKILL before the POST",
    "... after it was sent, before the id is recorded": "SIGKILL between POST and record",
    "... after the id is recorded, alone or with its supervisor": "SIGKILL after the record|SIGKILL with supervisor",
    "... while it waits on the worker": "SIGKILL while polling",
    "... when it resumes to return the result": "SIGKILL in execute_complete",
    "the triggerer is stopped or killed while tasks are deferred": "SIG.* of the triggerer while deferred",
    "the scheduler is stopped or killed while tasks are deferred": "SIG.* of the scheduler while deferred",
    "the service answers the submission with 429 and `Retry-After`, four times": "submit: storm of 429",
    "... with 500, 502, 503, HTML, or a 200 with code 500": "submit: (50.*|HTML|200 with code 500)",
    "... too late, with a dropped connection, or with a response that breaks off before the id": (
        "submit: (timeout|dropped (before|after)|answer cut before the id)"
    ),
    "... with a response that breaks off after the id": "submit: answer cut after the id",
    '... with a dropped connection, and `on_unconfirmed_submission="resubmit"`': "submit: dropped after, resubmit",
    "many polls get 429, 500, 502, 503, HTML, timeouts or dropped connections": "poll: storm of .*",
    "one poll gets a 401, a success without outputs, or a wrong *failed*": (
        "poll: (401 for a moment|success without outputs|one wrong failure.*)"
    ),
    "the worker is killed after the id is recorded, and the retry gets a wrong *failed* three times": (
        "SIGKILL after the record, wrong failure at the retry"
    ),
    "... and the service does not know the prediction any more": "forgotten prediction",
    "the service is unavailable for 30 s": "service away for 30 s",
    "the generation fails": "failed generation, retried",
    "`timeout` passes": "timeout, then a retry",
    "the task is cleared while deferred": "clear while deferred",
    "the task is cleared after success": "clear after success, reuse",
    '... with `on_clear="regenerate"`': "clear after success, regenerate",
    "the task is marked failed while deferred": "mark failed while deferred",
    "... and then cleared": "mark failed, then clear",
}
TESTED = {each.name: each for each in (*SCENARIOS, *(Scenario(name=name) for name, *_ in RESTARTS))}


def names_of(row: str) -> list[str]:
    return [name for name in TESTED if re.fullmatch(NAMES[row], name)]


def test_rows_and_scenarios_are_the_same() -> None:
    assert list(ROWS) == list(NAMES)
    assert sorted(name for row in NAMES for name in names_of(row)) == sorted(TESTED)


@pytest.mark.parametrize("row", NAMES)
def test_scenarios_expect_the_result_of_their_row(row: str) -> None:
    booked, delivered, tries, result = ROWS[row]
    scenarios = [TESTED[name] for name in names_of(row)]
    assert sorted({str(each.booked) for each in scenarios}) == booked.split(" or ")
    for each in scenarios:
        assert (str(each.delivered), str(each.tries)) == (delivered, tries)
        assert each.state == result.partition(":")[0]
        assert (each.log_text == UNCONFIRMED) == ("unconfirmed" in result)
