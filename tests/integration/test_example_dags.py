"""Every example DAG runs to its end against the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.emulator.handle import Emulator
from tests.conftest import EXAMPLE_DAGS

#: What each example submits: mode and parameters, in the order of the ledger.
SUBMISSIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "seedance_text_to_video": [("text-to-video", {"duration": 5})],
    "seedance_image_to_video": [
        ("image-to-video", {"duration": 6, "image": "https://example.com/lighthouse_day.png"}),
        (
            "image-to-video",
            {
                "duration": 6,
                "aspect_ratio": "9:16",
                "image": "https://example.com/lighthouse_day.png",
                "last_image": "https://example.com/lighthouse_night.png",
            },
        ),
    ],
    "seedance_reference_to_video": [
        (
            "reference-to-video",
            {"images": ["https://example.com/robot_front.png", "https://example.com/robot_side.png"]},
        ),
        (
            "reference-to-video",
            {
                "images": ["https://example.com/robot_front.png", "https://example.com/robot_side.png"],
                "videos": ["https://example.com/dance.mp4"],
                "audios": ["https://example.com/drums.mp3"],
                "resolution": "480p",
            },
        ),
    ],
    "seedance_submit_and_wait": [("text-to-video", {"duration": 5})],
}


def test_every_example_is_listed() -> None:
    assert set(SUBMISSIONS) == {path.stem for path in EXAMPLE_DAGS.glob("*.py")}


@pytest.mark.parametrize("dag_id", SUBMISSIONS)
def test_example(dag_id: str, example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    dag = example(dag_id)
    run: Any = dag.test()

    states = {task.task_id: task.state for task in run.get_task_instances()}
    assert states == dict.fromkeys(dag.task_ids, "success")
    booked = sorted(seedance_emulator.ledger(), key=lambda entry: len(entry["parameters"]))
    assert [entry["mode"] for entry in booked] == [mode for mode, _ in SUBMISSIONS[dag_id]]
    for entry, (_, parameters) in zip(booked, SUBMISSIONS[dag_id], strict=True):
        assert entry["parameters"] | parameters == entry["parameters"]
        assert entry["delivered"]
    assert seedance_emulator.leaks() == []


def test_xcom_carries_the_addresses_downstream(example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    run: Any = example("seedance_text_to_video").test()

    [task] = run.get_task_instances()
    [booked] = seedance_emulator.ledger()
    address = f"{seedance_emulator.url}/outputs/{booked['id']}/0.mp4"
    assert task.xcom_pull(task_ids="make_video") == [address]
    assert task.xcom_pull(task_ids="make_video", key="video_url") == address
    assert task.xcom_pull(task_ids="make_video", key="prediction_id") == booked["id"]
    assert task.xcom_pull(task_ids="make_video", key="prediction")["outputs"] == [address]
