"""``docs/models.md`` is what the catalogue says, and has the documented numbers."""

from __future__ import annotations

import pytest

from tests.models_page import PAGE, page
from tests.specification import read_table
from tests.unit.tables import read_table as read_page

OVERVIEW = "| model | id | modes | seconds | resolutions and prices | sound | last frame |"
MODELS = read_table("models")


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs writes it"


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row["model"])
def test_page_has_the_documented_numbers_of_a_model(row: dict[str, str]) -> None:
    found = {cells[0]: cells for cells in read_page("models.md", OVERVIEW)}
    _, model_id, modes, seconds, resolutions, sound, last_frame = found[row["model"]]

    assert model_id == f"`{row['id']}`"
    assert set(modes.split(", ")) == {mode for mode in row if mode.endswith("-to-video") and row[mode] == "yes"}
    assert seconds == row["duration"].replace("~", "to")
    prices = [] if row["prices"] == "-" else row["prices"].split()
    assert resolutions.replace(",", "").split() == [
        cell for pair in zip(row["resolutions"].split(), prices or [""] * 9, strict=False) for cell in pair if cell
    ]
    assert (sound, last_frame) == (row["generate_audio"], row["last_image"])


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row["model"])
def test_page_has_the_documented_references_of_a_model(row: dict[str, str]) -> None:
    header = "| model | images | clips | sounds | all together | seconds of all clips |"
    found = {name: " ".join(numbers) for name, *numbers in read_page("models.md", header)}

    assert found.get(row["model"], "-") == row["references"]


def test_page_has_the_levels_of_known_cases() -> None:
    header = "| model | refused | sent with a warning |"
    found = {name: (refused, warned) for name, refused, warned in read_page("models.md", header)}

    assert "`resolution='1080p'`" in found["2.0 fast"][0]
    assert "`resolution='1080p'`" in found["2.5"][1]
    assert "`duration` 13 to 15" in found["1.5 pro"][1]
    assert "`duration` 16 and more" in found["2.0"][0]
    assert "2026-05-13" in found["1.0 lite t2v"][1]
    assert all("`resolution='2k'`" in refused for refused, _ in found.values())
