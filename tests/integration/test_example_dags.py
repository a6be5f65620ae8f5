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
    "seedance_mapped_prompts": [
        ("text-to-video", {"duration": 4, "prompt": f"{subject} as a watercolour that comes to life."})
        for subject in ("A lighthouse", "A hot-air balloon", "A tram")
    ],
}


def test_every_example_is_listed() -> None:
    assert set(SUBMISSIONS) == {path.stem for path in EXAMPLE_DAGS.glob("*.py")}


@pytest.mark.parametrize("dag_id", SUBMISSIONS)
def test_every_example_says_in_the_ui_what_it_does_and_costs(dag_id: str, example: Callable[[str], DAG]) -> None:
    dag = example(dag_id)
    assert dag.doc_md is not None
    assert "**What it costs:**" in dag.doc_md
    assert [each.task_id for each in dag.tasks if each.task_type.startswith("Seedance") and not each.doc_md] == []


def test_mapped_tasks_carry_their_prompt(example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    run: Any = example("seedance_mapped_prompts").test()

    labels = [task.rendered_map_index for task in run.get_task_instances() if task.map_index >= 0]
    assert sorted(labels) == [
        f"{subject} as a watercolour that comes to life." for subject in ("A hot-air balloon", "A lighthouse", "A tram")
    ]


@pytest.mark.parametrize("dag_id", SUBMISSIONS)
def test_example(dag_id: str, example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    dag = example(dag_id)
    run: Any = dag.test()

    states = {(task.task_id, task.state) for task in run.get_task_instances()}
    assert states == {(task_id, "success") for task_id in dag.task_ids}
    booked = seedance_emulator.ledger()
    assert len(booked) == len(SUBMISSIONS[dag_id])
    for mode, parameters in SUBMISSIONS[dag_id]:
        assert any(entry["mode"] == mode and parameters.items() <= entry["parameters"].items() for entry in booked)
    assert all(entry["delivered"] for entry in booked)
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
