"""The inputs and outputs that a task reports to OpenLineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.base import DefaultExtractor

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import DeadLinkError, GenerationFailedError
from airflow_provider_seedance.operators.seedance import SeedanceReferenceToVideoOperator, SeedanceTextToVideoOperator
from airflow_provider_seedance.tasks.lineage import lineage_of
from airflow_provider_seedance.tasks.report import GenerationReport
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.unit.airflow.driving import Run

pytestmark = pytest.mark.usefixtures("short_waits")


def names(datasets: list[Any]) -> list[tuple[str, str]]:
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def test_lineage_has_media_as_inputs_and_videos_as_outputs(emulator: Emulator, deferrable: bool) -> None:
    operator = SeedanceReferenceToVideoOperator(
        task_id="make_video",
        prompt="A robot dances.",
        images=["https://example.com/robot.png?signature=abc", "https://example.com/other.png"],
        videos="https://cdn.example/dance.mp4",
        deferrable=deferrable,
    )
    run = Run()
    run.try_once(operator)
    lineage = DefaultExtractor(run.operator).extract_on_complete(None)

    assert lineage is not None
    assert names(lineage.inputs) == [
        ("https://example.com", "robot.png"),
        ("https://example.com", "other.png"),
        ("https://cdn.example", "dance.mp4"),
    ]
    [booked] = emulator.ledger()
    assert names(lineage.outputs) == [(emulator.url, f"outputs/{booked['id']}/0.mp4")]
    assert lineage.outputs[0].facets["documentation"].description == "A robot dances."


def test_lineage_of_a_failed_generation_has_no_outputs(emulator: Emulator) -> None:
    run, operator = Run(), SeedanceTextToVideoOperator(task_id="make_video", prompt="[fail]")
    with pytest.raises(GenerationFailedError):
        run.try_once(operator)
    lineage = DefaultExtractor(run.operator).extract_on_failure(None)
    assert lineage is not None
    assert (lineage.inputs, lineage.outputs) == ([], [])


def test_lineage_of_a_copy_leads_from_the_generation_to_the_stored_file(emulator: Emulator, tmp_path: Path) -> None:
    making, copying = Run(), Run()
    making.try_once(SeedanceTextToVideoOperator(task_id="make_video", prompt="A boat"))
    task = SeedanceToObjectStorageOperator(
        task_id="store", destination=str(tmp_path), urls=making.xcoms["video_url"], filename="boat #1?.mp4"
    )
    copying.try_once(task)
    lineage = DefaultExtractor(copying.operator).extract_on_complete(None)

    made = DefaultExtractor(making.operator).extract_on_complete(None)
    assert lineage is not None
    assert made is not None
    assert names(lineage.inputs) == names(made.outputs)
    assert names(lineage.outputs) == [("file", f"{tmp_path}/boat #1?.mp4")]


def test_lineage_of_a_copy_that_fails_has_what_was_stored(emulator: Emulator, tmp_path: Path) -> None:
    run = Run()
    run.try_once(SeedanceTextToVideoOperator(task_id="make_video", prompt="A boat"))
    links = [run.xcoms["video_url"], f"{emulator.url}/outputs/none/0.mp4"]
    task = SeedanceToObjectStorageOperator(
        task_id="store", destination=str(tmp_path), urls=links, filename="{index}.mp4"
    )
    copying = Run()
    with pytest.raises(DeadLinkError):
        copying.try_once(task)
    lineage = DefaultExtractor(copying.operator).extract_on_failure(None)
    assert lineage is not None
    assert names(lineage.outputs) == [("file", f"{tmp_path}/0.mp4")]


@pytest.mark.parametrize(
    "task",
    [
        SeedanceTextToVideoOperator(task_id="make_video", prompt="A boat"),
        SeedanceToObjectStorageOperator(task_id="store", destination="/videos", urls="https://example.com/a.mp4"),
    ],
)
def test_task_that_never_started_has_no_lineage(task: Any) -> None:
    assert task.get_openlineage_facets_on_complete(None) is None


@pytest.mark.parametrize(
    ("address", "dataset_names"),
    [
        ("s3://aws_conn@bucket/a/b.png", [("s3://bucket", "a/b.png")]),
        ("gs://bucket/b.png", [("gs://bucket", "b.png")]),
        ("/data/a b.png", [("file", "/data/a b.png")]),
        ("file:///data/a%20b.png", [("file", "/data/a b.png")]),
        ("s3://bucket/takes/boat #1?.png", [("s3://bucket", "takes/boat #1?.png")]),
        ("/data/boat #1?.png", [("file", "/data/boat #1?.png")]),
        ("HTTPS://example.com/a.png?signature=b#c", [("https://example.com", "a.png")]),
        ("<data:image/png, 1,234 characters>", []),
    ],
)
def test_dataset_names_follow_the_convention_of_openlineage(address: str, dataset_names: list[tuple[str, str]]) -> None:
    lineage = lineage_of(GenerationReport(parameters={"image": address}))
    assert names(lineage.inputs) == dataset_names
