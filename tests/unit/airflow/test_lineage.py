"""The inputs and outputs that a task reports to OpenLineage."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.openlineage.extractors.base import DefaultExtractor

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.operators.seedance import SeedanceReferenceToVideoOperator, SeedanceTextToVideoOperator
from airflow_provider_seedance.tasks.lineage import lineage_of
from airflow_provider_seedance.tasks.report import GenerationReport
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


def test_task_that_never_started_has_no_lineage() -> None:
    operator = SeedanceTextToVideoOperator(task_id="make_video", prompt="A boat")
    assert operator.get_openlineage_facets_on_complete(None) is None


@pytest.mark.parametrize(
    ("address", "dataset_names"),
    [
        ("s3://aws_conn@bucket/a/b.png", [("s3://bucket", "a/b.png")]),
        ("gs://bucket/b.png", [("gs://bucket", "b.png")]),
        ("/data/a b.png", [("file", "/data/a b.png")]),
        ("file:///data/a%20b.png", [("file", "/data/a b.png")]),
        ("<data:image/png, 1,234 characters>", []),
    ],
)
def test_dataset_names_follow_the_convention_of_openlineage(address: str, dataset_names: list[tuple[str, str]]) -> None:
    lineage = lineage_of(GenerationReport(parameters={"image": address}))
    assert names(lineage.inputs) == dataset_names
