"""Problems that make the demo fail, and the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.report import problems, report
from demo.run import Outcome
from demo.video import Measurement

LINK = "http://127.0.0.1/outputs/abc/0.mp4"
BOOKED = {"id": "abc", "cost": "0.4990", "delivered": True, "polls": 2}
EXPECTED = Outcome(
    seconds={"running": 0.8, "deferred": 36.4},
    prediction_id="abc",
    url=LINK,
    returned=[LINK],
    file=Path("/checkout/run/video.mp4"),
    measured=Measurement(1280, 720, 5.0),
    submissions=[BOOKED],
    leaks=[],
)


def test_expected_outcome_has_no_problems() -> None:
    assert not list(problems(EXPECTED))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seconds": {"running": 37.2}}, "never deferred"),
        ({"returned": None}, "returned None"),
        ({"measured": Measurement(1248, 704, 5.0)}, "1248x704, 5.00 s, not 1280x720, 5.00 s"),
        ({"measured": Measurement(1280, 720, 4.0)}, "1280x720, 4.00 s, not"),
        ({"submissions": [BOOKED | {"id": "another"}]}, "not the task's one"),
        ({"submissions": [BOOKED | {"cost": "0.5"}]}, "0.5 USD are booked, not 0.499"),
        ({"submissions": [BOOKED | {"delivered": False}]}, "not delivered"),
        ({"leaks": [{"path": "/outputs"}]}, "key"),
    ],
)
def test_each_mismatch_is_reported_as_one_problem(changes: dict[str, Any], message: str) -> None:
    [problem] = problems(replace(EXPECTED, **changes))
    assert message in problem


def test_second_submission_is_reported_with_its_price() -> None:
    count, price = problems(replace(EXPECTED, submissions=[BOOKED, BOOKED | {"id": "def"}]))
    assert "2 submissions" in count
    assert "0.998" in price


def test_report_contains_all_figures() -> None:
    text = "\n".join(report(EXPECTED, Path("/checkout")))
    for figure in ("abc", LINK, "run/video.mp4: 1280x720, 5.00 s", "0.8 s", "36.4 s", "0.4990 USD", "2 polls"):
        assert figure in text
