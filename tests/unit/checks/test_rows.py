"""The rows of CSV files: what is a parameter, what is empty, and on which line a row begins."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from airflow_provider_seedance.checks.rows import RowCheck, TableError, check_rows
from tests.conftest import EXAMPLE_DAGS

MIDDLE = Decimal("0.0998")


def checks(text: str, *ignored: str) -> list[RowCheck]:
    return list(check_rows(io.StringIO(text, newline=""), ignored=ignored))


def test_example_table_costs_what_its_dag_says() -> None:
    text = (EXAMPLE_DAGS / "data" / "daily_content.csv").read_text()
    found = checks(text, "weekday", "file")
    # "one video of four or five seconds for each row of the day, 0.40 to 0.50 USD at list price"
    assert {round(check.estimate or 0, 2) for check in found} == {Decimal("0.40"), Decimal("0.50")}
    assert [check.line for check in found] == [*range(2, 10)]


def test_empty_cells_are_not_given() -> None:
    [check] = checks("prompt,duration,model,seed\nA tram,, ,None\n")
    assert (check.estimate, check.generation.refusals) == (5 * MIDDLE, ())


def test_row_that_is_short_lacks_its_last_cells() -> None:
    [check] = checks("prompt,duration\nA tram\n")
    assert check.estimate == 5 * MIDDLE


def test_row_that_is_long_is_refused() -> None:
    [check] = checks("prompt,duration\nA tram,4,5\n")
    assert check.generation.refusals == ("3 cells, but the header has 2",)


def test_refusals_of_a_row_name_each_argument() -> None:
    [check] = checks("prompt,duration,resolution\n,99,8k\n")
    names = [refusal.partition(":")[0] for refusal in check.generation.refusals]
    assert sorted(names) == ["duration", "prompt", "resolution"]


def test_line_is_the_first_of_a_row_that_has_several() -> None:
    found = checks('prompt,duration\r\n"A tram\r\nclimbs",4\r\n\r\nA boat,5\r\n')
    assert [check.line for check in found] == [2, 5]


def test_cells_are_data_and_no_templates() -> None:
    [check] = checks("prompt\n{{ ds }}\n")
    assert check.generation.unknown == ()
    assert check.estimate == 5 * MIDDLE


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("prompt,image\nIt sails,https://example.com/a.png\n", "image-to-video"),
        ("prompt,image\nIt sails,\n", "text-to-video"),
        (
            'prompt,images\nIt sails,"[""https://example.com/a.png"", ""https://example.com/b.png""]"\n',
            "reference-to-video",
        ),
        ("prompt,mode\nIt sails,text-to-video\n", "text-to-video"),
    ],
)
def test_media_decide_the_mode(text: str, mode: str) -> None:
    [check] = checks(text)
    assert (check.generation.mode, check.generation.refusals) == (mode, ())


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("prompt,mode\nIt sails,image-to-video\n", "image: None is not allowed"),
        (
            "prompt,mode,image\nA,text-to-video,https://example.com/a.png\n",
            "image: is not an argument of text-to-video",
        ),
        ("prompt,mode\nA,film\n", "mode: 'film' is not allowed"),
        ("prompt,extra_parameters\nA,noise\n", "extra_parameters: 'noise' is not allowed"),
    ],
)
def test_refused_rows(text: str, refusal: str) -> None:
    [check] = checks(text)
    assert check.generation.refusals[0].startswith(refusal)
    assert check.highest == 0


def test_extra_parameters_are_json() -> None:
    [check] = checks('prompt,extra_parameters\nA,"{""noise"": 1}"\n')
    assert (check.generation.refusals, check.highest) == ((), None)


def test_row_of_an_earlier_prediction_costs_nothing() -> None:
    [check] = checks("prompt,prediction_id\nA,abc\n")
    assert check.highest == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no header"),
        ("\nA\n", "has no header"),
        ("prompt,promt\nA,B\n", "no parameters: 'promt'"),
        ("prompt;duration\nA;4\n", "no parameters: 'prompt;duration'"),
        ("prompt,\nA,4\n", "no parameters: ''"),
        ("prompt,prompt\nA,B\n", "more than one column: 'prompt'"),
        ('prompt\n"A tram\n', "line"),
    ],
)
def test_what_is_no_table_is_an_error(text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        checks(text)
