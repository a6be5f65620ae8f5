"""The options among the arguments of a task, before it is constructed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_seedance.tasks.options import check_options


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"max_cost": -1}, "max_cost"),
        ({"max_submissions": 0}, "max_submissions"),
        ({"timeout": 0}, "timeout"),
        ({"poll_interval": timedelta(0)}, "poll_interval"),
        ({"on_clear": "forget"}, "on_clear"),
        ({"on_lost_prediction": "forget"}, "on_lost_prediction"),
        ({"on_audio_refusal": "forget"}, "on_audio_refusal"),
        ({"on_unconfirmed_submission": "forget"}, "on_unconfirmed_submission"),
        ({"validation": "loose"}, "validation"),
    ],
)
def test_wrong_option_is_refused(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: .* is not allowed; allowed: "):
        check_options({"prompt": "A paper boat", **arguments})


@pytest.mark.parametrize("name", ["max_cost", "max_submissions", "timeout", "poll_interval", "on_clear"])
def test_error_of_an_option_does_not_repeat_a_key(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: '\*\*\*' is not allowed"):
        check_options({name: "sk-needle-7d1c0f52"})


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_cost": 1, "timeout": timedelta(hours=1), "poll_interval": None},
        {"owner": "me", "wait": 7, "duration": 99},
    ],
)
def test_right_options_and_other_arguments_pass(arguments: dict[str, Any]) -> None:
    check_options(arguments)
