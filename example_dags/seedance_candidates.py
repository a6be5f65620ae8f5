"""
### A person chooses the best of several takes

The DAG makes one video for each seed from the same prompt, stores all of them, and waits for a person who chooses one.
The chosen one is published; the others are kept.

**What it costs:** one generation for each of the three takes, together about 1.50 USD at list price, whichever is
chosen. Add a seed to `SEEDS` for another take, at 0.50 USD.

**How to answer:** choose a take on the tab *Required Actions* of the task `choose`, or *None of them*, which skips
`publish`. If nobody answers within twenty hours, none is published.

**If a take fails,** the others can still be chosen.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Param, task, task_group

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

SEEDS = [1, 2, 3]
TAKES = [f"Take {number}" for number in range(1, len(SEEDS) + 1)]
NONE = "None of them"
#: With the extra `poster` the request shows the first frames, if the files are below `[seedance] media_roots`.
HAS_POSTERS = find_spec("av") is not None
#: Airflow's pages resolve relative addresses against their base URL. Indented text is shown as it is, so a prompt
#: cannot add links or images.
BODY = """
    {{ params.prompt | indent(4) }}

{% set run = "dags/" ~ dag.dag_id ~ "/runs/" ~ (run_id | urlencode) %}
{% set file = "seedance/stored?dag_id=" ~ dag.dag_id ~ "&run_id=" ~ (run_id | urlencode) %}
{% for index in range(SEEDS) %}
### Take {{ index + 1 }}

{% if ti.xcom_pull(task_ids="take.keep", map_indexes=index) %}
[![Watch the video]({{ file }}&task_id=take.keep&map_index={{ index }}&poster=true)\
]({{ run }}/tasks/take.make_video/mapped/{{ index }}/plugin/seedance-video)

[Watch the video]({{ run }}/tasks/take.make_video/mapped/{{ index }}/plugin/seedance-video)
{% else %}
[This take has failed.]({{ run }}/tasks/take.make_video/mapped/{{ index }})
{% endif %}
{% endfor %}
""".replace("SEEDS", str(len(SEEDS)))

with DAG(
    "seedance_candidates",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={
        "prompt": Param("A paper boat sails down a rainy gutter, low angle.", type="string", minLength=1),
        "candidates": Param((Path.home() / "seedance_candidates").as_uri(), type="string", description="A folder."),
        "published": Param((Path.home() / "seedance_published").as_uri(), type="string", description="A folder."),
    },
):

    @task_group
    def take(seed: int) -> None:
        make_video = SeedanceTextToVideoOperator(
            task_id="make_video",
            prompt="{{ params.prompt }}",
            seed=seed,
            deferrable=True,
            retries=2,
            map_index_template="Take {{ ti.map_index + 1 }}",
            doc_md="Makes one take for each seed.",
        )
        SeedanceToObjectStorageOperator(
            task_id="keep",
            prediction_id=make_video.output["prediction_id"],
            destination="{{ params.candidates }}",
            poster=HAS_POSTERS,
            retries=2,
            map_index_template="Take {{ ti.map_index + 1 }}",
            doc_md="Stores the take, chosen or not.",
        )

    choose = HITLOperator(
        task_id="choose",
        subject="Which take is published?",
        body=BODY,
        options=[*TAKES, NONE],
        defaults=NONE,
        # Limits the wait for an answer; execution_timeout limits only the time before the wait.
        response_timeout=timedelta(hours=20),
        # A take that failed does not stop the others.
        trigger_rule="all_done_min_one_success",
        doc_md="Waits until a person chooses.",
    )

    @task(doc_md="Returns the prediction of the chosen take; if none is chosen, skips the publication.")
    def chosen_prediction(answer: dict[str, Any], *, ti: Any = None) -> str:
        [chosen] = answer["chosen_options"]
        if chosen == NONE:
            raise AirflowSkipException("No take was chosen")
        prediction_id: str | None
        prediction_id = ti.xcom_pull(task_ids="take.make_video", key="prediction_id", map_indexes=TAKES.index(chosen))
        if prediction_id is None:
            raise AirflowFailException(f"{chosen} has failed. Clear the task choose to choose another one.")
        return prediction_id

    SeedanceToObjectStorageOperator(
        task_id="publish",
        prediction_id=chosen_prediction(choose.output),
        destination="{{ params.published }}",
        doc_md="Stores the chosen take in the public folder.",
    )

    take.expand(seed=SEEDS) >> choose
