"""DAGs whose tasks get lazy sequences, native objects and missing values, and that have outlets of all kinds."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAlias, Param, task

from airflow_provider_seedance.operators.seedance import SeedanceReferenceToVideoOperator, SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

START = pendulum.datetime(2026, 1, 1)
#: Arguments that a DAG run may leave empty.
OPTIONAL = (
    "model",
    "aspect_ratio",
    "duration",
    "resolution",
    "generate_audio",
    "camera_fixed",
    "seed",
    "prediction_id",
)
DAILY = Asset("handed_daily", uri="s3://handed/daily")
PICKED = Asset("handed_picked", uri="s3://handed/picked")
ALIAS = AssetAlias("handed_alias")

with DAG("handed_sequences", schedule=None, start_date=START, params={"folder": Param("", type="string")}):

    @task
    def draw(number: int) -> str:
        return f"https://example.com/{number}.png"

    @task
    def more() -> list[str]:
        return ["https://example.com/3.png"]

    further: Any = more()
    drawn: Any = draw.expand(number=[1, 2])

    def references(task_id: str, images: Any, **arguments: Any) -> Any:
        return SeedanceReferenceToVideoOperator(task_id=task_id, prompt=task_id, images=images, **arguments)

    references("mapped", drawn)
    references("mapped_with_a_function", drawn.map(lambda url: url.replace("example.com", "example.org")))
    references("concatenated", drawn.concat(further))
    further >> references(
        "rendered",
        "{{ ti.xcom_pull(task_ids='more') }}",
        duration="{{ ti.xcom_pull(task_ids='none') }}",
    )

    @task.seedance
    def describe(images: Any, pairs: Any) -> dict[str, Any]:
        return {"prompt": f"described {len(pairs)}", "images": images}

    describe(drawn, drawn.zip(drawn))

    videos: Any = SeedanceTextToVideoOperator.partial(task_id="videos").expand(prompt=["a", "b"])
    SeedanceToObjectStorageOperator(
        task_id="keep",
        urls=videos.output["video_url"],
        destination="{{ params.folder }}",
        filename="{index}.{ext}",
        allow_private_addresses=True,
    )

    @task
    def reports(predictions: Any) -> list[dict[str, Any]]:
        return list(predictions)

    each_report: Any = reports(videos.output["prediction"])
    SeedanceToObjectStorageOperator.partial(
        task_id="keep_each", destination="{{ params.folder }}/each", sidecar=True
    ).expand(prediction=each_report)

for native in (False, True):
    with DAG(
        f"handed_values_{'native' if native else 'text'}",
        schedule=None,
        start_date=START,
        render_template_as_native_obj=native,
        params={"year": Param("1984", type="string"), "nothing": Param(None), "cell": Param("", type="string")},
    ):
        values: dict[str, Any] = dict.fromkeys(OPTIONAL, "{{ params.nothing }}")
        SeedanceTextToVideoOperator(task_id="from_null", prompt="{{ params.year }}", **values)
        values = dict.fromkeys(OPTIONAL, "{{ params.cell }}")
        SeedanceTextToVideoOperator(task_id="from_cell", prompt="{{ params.year }}", **values)
        SeedanceTextToVideoOperator(task_id="without_prompt", prompt="{{ params.nothing }}")

with DAG("handed_owner", schedule=[DAILY, PICKED], start_date=START):
    # An asset exists once Airflow stored a DAG that uses it.
    EmptyOperator(task_id="nothing")

with DAG("handed_outlets", schedule=None, start_date=START):
    SeedanceTextToVideoOperator(
        task_id="announce",
        prompt="A paper boat",
        deferrable=True,
        outlets=[Asset.ref(name=DAILY.name), ALIAS, Asset.ref(name="handed_nowhere")],
        pre_execute=lambda context: context["outlet_events"][ALIAS].add(PICKED, extra={"shot": 7}),
    )
