"""What Airflow passes to tasks: lazy sequences, native objects, missing values, outlets of all kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_seedance.emulator.handle import Emulator
from tests.integration.dags.handed_over import DAILY, PICKED
from tests.versions import DagBag

DAGS = Path(__file__).with_name("dags")
pytestmark = pytest.mark.usefixtures("airflow_database", "short_waits")


def load(dag_id: str) -> Any:
    bag: Any = DagBag(str(DAGS / "handed_over.py"))
    assert bag.import_errors == {}
    return bag.dags[dag_id]


def states(run: Any) -> dict[str, str]:
    return {each.task_id: str(each.state) for each in run.get_task_instances()}


def test_lazy_sequences_are_media_and_links(seedance_emulator: Emulator, tmp_path: Path) -> None:
    run = load("handed_sequences").test(run_conf={"folder": str(tmp_path)})
    assert set(states(run).values()) == {"success"}
    sent = {each["parameters"]["prompt"]: each["parameters"] for each in seedance_emulator.ledger()}
    drawn = ["https://example.com/1.png", "https://example.com/2.png"]
    assert {prompt: each["images"] for prompt, each in sent.items() if "images" in each} == {
        "mapped": drawn,
        "mapped_with_a_function": ["https://example.org/1.png", "https://example.org/2.png"],
        "concatenated": [*drawn, "https://example.com/3.png"],
        "rendered": ["https://example.com/3.png"],
        "described 2": drawn,
    }
    assert sent["rendered"]["duration"] == 5
    assert sorted(each.name for each in tmp_path.iterdir()) == ["0.mp4", "1.mp4", "each"]
    sidecars = [json.loads(path.read_text()) for path in (tmp_path / "each").glob("*.mp4.json")]
    booked = {each["id"]: each["parameters"]["prompt"] for each in seedance_emulator.ledger()}
    assert {each["prompt"]: booked[each["prediction_id"]] for each in sidecars} == {"a": "a", "b": "b"}


@pytest.mark.parametrize("rendering", ["text", "native"])
def test_missing_values_are_not_given(
    seedance_emulator: Emulator, rendering: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run = load(f"handed_values_{rendering}").test()
    assert states(run) == {"from_null": "success", "from_cell": "success", "without_prompt": "failed"}
    booked = seedance_emulator.ledger()
    assert {each["model"] for each in booked} == {"doubao-seedance-2-0-fast-260128"}
    # The default duration, and the page's default resolution.
    assert [each["parameters"] for each in booked] == [{"prompt": "1984", "duration": 5, "resolution": "720p"}] * 2
    assert "prompt: None is not allowed" in "".join(capfd.readouterr()).replace("'None'", "None")


def test_outlets_of_all_kinds_get_the_extra(seedance_emulator: Emulator) -> None:
    load("handed_owner").test()
    run = load("handed_outlets").test()
    assert states(run) == {"announce": "success"}
    [booked] = seedance_emulator.ledger()
    with create_session() as session:
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)).all()
        extras = {event.asset.name: event.extra for event in events}
    assert {name: extra["prediction_id"] for name, extra in extras.items()} == {
        DAILY.name: booked["id"],
        PICKED.name: booked["id"],
    }
    assert extras[PICKED.name]["shot"] == 7


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("operator", "aspect_ratio: '2:1' is not allowed; allowed: 21:9, 16:9, 4:3, 1:1, 3:4, 9:16"),
        ("default_args", "duration: 99 is not allowed; allowed: 4 to 15 seconds"),
        ("partial", "resolution: '8k' is not allowed; allowed: 480p, 720p"),
        ("nowhere", None),
    ],
)
def test_constant_that_is_refused_is_an_import_error(
    monkeypatch: pytest.MonkeyPatch, where: str, problem: str | None
) -> None:
    monkeypatch.setenv("WRONG_CONSTANTS", where)
    bag: Any = DagBag(str(DAGS / "handed_wrong.py"))
    if problem is None:
        assert bag.import_errors == {}
        return
    [error] = bag.import_errors.values()
    assert "Task 'make_video': Seedance refuses these arguments:" in error
    assert problem in error
