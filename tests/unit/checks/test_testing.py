"""The assertions for tests of DAGs."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.testing import assert_affordable, assert_valid
from tests.integration.examples import load_example, load_examples


def mapped_dag(rows: Any, **arguments: Any) -> DAG:
    with DAG("launch", schedule=None) as dag:
        SeedanceTextToVideoOperator.partial(task_id="make_videos", **arguments).expand_kwargs(rows)
    return dag


def test_example_dags_are_valid() -> None:
    for dag in load_examples().values():
        assert_valid(dag)


def test_refusals_of_all_rows_are_named_at_once() -> None:
    dag = mapped_dag([{"prompt": "A tram", "duration": 99}, {"prompt": "A tram"}, {"prompt": ""}])
    with pytest.raises(AssertionError) as caught:
        assert_valid(dag)
    text = str(caught.value)
    assert "'launch'" in text
    assert "make_videos[0]: duration: 99" in text
    assert "make_videos[2]: prompt: ''" in text
    assert "make_videos[1]" not in text


def test_price_of_all_rows_is_compared_with_the_amount() -> None:
    # 2.0 fast: 0.0998 USD a second in 720p, by GPTProto's list.
    dag = mapped_dag([{"prompt": "A tram", "duration": 4}, {"prompt": "A tram", "duration": 6}])
    assert_affordable(dag, 0.998)
    with pytest.raises(AssertionError, match=r"can cost 1.00 USD, which is more than 0.99 USD") as caught:
        assert_affordable(dag, 0.99)
    assert "make_videos[1]: up to 0.60 USD" in str(caught.value)


def test_retries_count_unless_they_are_limited() -> None:
    rows = [{"prompt": "A tram"}]
    with pytest.raises(AssertionError, match=r"can cost 1\.50 USD"):
        assert_affordable(mapped_dag(rows, retries=2), 1)
    assert_affordable(mapped_dag(rows, retries=2, max_submissions=2), 1)


def test_price_that_is_not_known_names_the_argument() -> None:
    with DAG("launch", schedule=None) as dag:
        SeedanceTextToVideoOperator(task_id="teaser", prompt="A tram", duration="{{ params.seconds }}")
    with pytest.raises(AssertionError, match="teaser: no upper limit because of duration; set max_cost"):
        assert_affordable(dag, 1000)


def test_max_cost_limits_what_is_not_known() -> None:
    with DAG("launch", schedule=None) as dag:
        SeedanceTextToVideoOperator(task_id="teaser", prompt="A tram", duration="{{ params.seconds }}", max_cost=1)
    assert_affordable(dag, 1)


def test_number_of_rows_can_be_given() -> None:
    dag = load_example("seedance_fan_out")
    with pytest.raises(AssertionError, match="make_videos: the number of its rows"):
        assert_affordable(dag, 100)
    # 20 rows, 0.25 USD at most, three tries.
    assert_affordable(dag, 15, rows={"make_videos": 20})
    with pytest.raises(AssertionError, match=r"can cost 15\.00 USD"):
        assert_affordable(dag, 14.99, rows={"make_videos": 20})


def test_number_of_rows_of_another_task_is_an_error() -> None:
    with pytest.raises(ValueError, match="rows: 'make_video' is not allowed"):
        assert_affordable(load_example("seedance_fan_out"), 15, rows={"make_video": 20})


def test_dag_without_generations_passes() -> None:
    with DAG("launch", schedule=None) as dag:
        SeedancePredictionSensor(task_id="wait", prediction_id="a")
    assert_valid(dag)
    assert_affordable(dag, 0)
