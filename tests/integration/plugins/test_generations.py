"""The endpoints of the videos page in Airflow's own API server: what which user gets from the database."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.integration.plugins.hiding_auth_manager import HIDDEN_DAG
from tests.integration.plugins.page_rows import START, Row, insert_rows, many, prediction
from tests.integration.plugins.reader import CHECKS_QUERY, GENERATIONS, SHOWN_DAG, TABLE, Reader
from tests.versions import needs_3_4


class TestRights:
    @pytest.fixture(autouse=True)
    def _two_dags(self) -> None:
        insert_rows(
            [
                Row(dag_id=SHOWN_DAG, xcoms={"prediction": prediction(1)}),
                Row(dag_id=HIDDEN_DAG, xcoms={"prediction": prediction(2, model="secret", total_cost_usd=7.0)}),
                Row(
                    dag_id=HIDDEN_DAG,
                    run_id="waiting",
                    state="deferred",
                    xcoms={"prediction": prediction(3, status="running", outputs=[])},
                ),
            ]
        )

    @pytest.mark.parametrize("path", ["generations", "generations.csv", "copies?prediction_id=1"])
    def test_endpoints_need_a_login(self, server: TestClient, path: str) -> None:
        assert server.get(f"/seedance/api/{path}").status_code == 401

    def test_forged_session_is_refused(self, server: TestClient) -> None:
        response = server.get(GENERATIONS, headers={"Cookie": "_token=forged"})
        assert response.status_code in (401, 403)

    def test_static_page_needs_no_login(self, server: TestClient) -> None:
        assert server.get("/seedance/video").status_code == 200

    def test_hidden_dag_is_in_no_part_of_the_answer(self, viewer: Reader) -> None:
        answer = viewer.generations()
        assert [each["dag_id"] for each in answer["generations"]] == [SHOWN_DAG]
        assert (answer["total"], answer["dags"]) == (1, [SHOWN_DAG])
        assert (answer["sums"]["usd"], answer["sums"]["count"]) == (0.1, 1)
        assert answer["waiting"] == {"total": 0, "longest_since": None, "generations": []}
        assert HIDDEN_DAG not in viewer.get(GENERATIONS).text
        assert "secret" not in viewer.get(GENERATIONS).text

    def test_hidden_dag_is_not_in_the_table(self, viewer: Reader, admin: Reader) -> None:
        assert HIDDEN_DAG not in viewer.get(TABLE).text
        assert HIDDEN_DAG in admin.get(TABLE).text

    @pytest.mark.parametrize("url", [GENERATIONS, TABLE])
    def test_hidden_dag_as_filter_is_forbidden(self, viewer: Reader, url: str) -> None:
        response = viewer.get(url, dag_id=HIDDEN_DAG)
        assert response.status_code == (403 if CHECKS_QUERY else 200)
        assert HIDDEN_DAG not in response.text
        assert "secret" not in response.text

    @pytest.mark.parametrize("dag_id", ["", "~"])
    def test_wildcards_of_the_dag_show_no_hidden_one(self, viewer: Reader, dag_id: str) -> None:
        assert HIDDEN_DAG not in viewer.get(GENERATIONS, dag_id=dag_id).text

    def test_second_dag_in_the_query_gives_no_access(self, viewer: Reader) -> None:
        for query in (f"dag_id={HIDDEN_DAG}&dag_id={SHOWN_DAG}", f"dag_id={SHOWN_DAG}&dag_id={HIDDEN_DAG}"):
            assert '"secret"' not in viewer.get(f"{GENERATIONS}?{query}").text

    def test_admin_sees_both(self, admin: Reader) -> None:
        answer = admin.generations()
        assert (answer["dags"], answer["total"]) == ([HIDDEN_DAG, SHOWN_DAG], 3)
        assert answer["waiting"]["total"] == 1


class TestGenerations:
    def test_generation_has_the_fields_of_its_task_and_xcom(self, viewer: Reader) -> None:
        value = prediction(1)
        insert_rows([Row(dag_id=SHOWN_DAG, map_index=3, try_number=2, xcoms={"prediction": value})])
        [found] = viewer.generations()["generations"]
        assert found == {
            "dag_id": SHOWN_DAG,
            "run_id": "run",
            "task_id": "make",
            "map_index": 3,
            "label": "3",
            "state": "success",
            "try_number": 2,
            "pushed_at": START.isoformat(),
            "operator": "SeedanceTextToVideoOperator",
            "prediction": value,
            "is_reference": False,
            "outcome": "succeeded",
            "usd": 0.1,
            "copies": [],
        }

    def test_page_is_a_part_of_all_newest_first(self, viewer: Reader) -> None:
        insert_rows(
            Row(
                dag_id=SHOWN_DAG,
                map_index=number,
                pushed_at=START + timedelta(minutes=number),
                xcoms={"prediction": prediction(number)},
            )
            for number in range(10)
        )
        answer = viewer.generations(limit=3, offset=2)
        assert [each["map_index"] for each in answer["generations"]] == [7, 6, 5]
        assert (answer["total"], answer["limit"], answer["offset"]) == (10, 3, 2)
        assert (answer["sums"]["count"], answer["sums"]["usd"]) == (10, 1.0)
        assert viewer.generations(offset=10)["generations"] == []

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, [1, 2, 3]),
            ({"dag_id": SHOWN_DAG}, [1, 2]),
            ({"dag_id": "nothing"}, []),
            ({"model": "seedance-2"}, [2]),
            ({"text": "BOAT, NUMBER 3"}, [3]),
            ({"text": "100%"}, []),
            ({"outcome": "failed"}, [3]),
            ({"outcome": "waiting"}, []),
            ({"since": "2026-11-28", "zone": "UTC"}, []),
            ({"since": "2026-11-28", "zone": "Pacific/Kiritimati"}, [1, 2, 3]),
            ({"until": "2026-11-26"}, []),
            ({"until": "2026-11-27"}, [1, 2, 3]),
            (
                {"since": "2026-11-27", "until": "2026-11-27", "model": "", "text": "", "outcome": "", "dag_id": ""},
                [1, 2, 3],
            ),
            ({"since": "0001-01-01", "until": "9999-12-31", "zone": "Pacific/Kiritimati"}, [1, 2, 3]),
        ],
    )
    def test_filters_apply_to_list_and_sums(self, viewer: Reader, query: dict[str, str], expected: list[int]) -> None:
        failed = prediction(3, status="failed", outputs=[], error="The content was refused")
        insert_rows(
            [
                Row(dag_id=SHOWN_DAG, xcoms={"prediction": prediction(1)}),
                Row(dag_id=SHOWN_DAG, run_id="other", xcoms={"prediction": prediction(2, model="seedance-2")}),
                Row(dag_id="third", state="failed", xcoms={"prediction": failed}),
            ]
        )
        answer = viewer.generations(**query)
        assert sorted(int(each["prediction"]["id"], 16) for each in answer["generations"]) == expected
        assert answer["total"] == answer["sums"]["count"] == len(expected)
        assert answer["dags"] == [SHOWN_DAG, "third"]

    @pytest.mark.parametrize(
        "query",
        [
            {"since": "yesterday"},
            {"until": "2026-13-01"},
            {"outcome": "good"},
            {"limit": 0},
            {"limit": 100_000},
            {"offset": -1},
        ],
    )
    def test_invalid_filter_is_an_error_of_the_request(self, viewer: Reader, query: dict[str, Any]) -> None:
        assert viewer.get(GENERATIONS, **query).status_code == 422

    @pytest.mark.parametrize("zone", ["", "Nowhere/City", "../../etc/passwd", "Europe", "\0", "a" * 5000])
    def test_unknown_zone_is_utc(self, viewer: Reader, zone: str) -> None:
        assert viewer.generations(zone=zone)["zone"] == "UTC"

    def test_waiting_is_what_waits_now_longest_first_whatever_the_days_and_outcome(self, viewer: Reader) -> None:
        insert_rows(
            Row(
                dag_id=SHOWN_DAG,
                map_index=number,
                state="deferred",
                xcoms={
                    "prediction": prediction(
                        number,
                        status="running",
                        outputs=[],
                        submitted_at=(START - timedelta(minutes=number)).isoformat(),
                    )
                },
            )
            for number in range(12)
        )
        waiting = viewer.generations(until="2020-01-01", outcome="failed")["waiting"]
        assert waiting["total"] == 12
        assert waiting["longest_since"] == (START - timedelta(minutes=11)).isoformat()
        assert [each["map_index"] for each in waiting["generations"]] == list(range(11, 1, -1))
        assert viewer.generations(text="number 3")["waiting"]["total"] == 1

    @pytest.mark.parametrize(
        ("raw", "shown"),
        [
            (
                '{"id": NaN, "outputs": [Infinity], "total_cost_usd": 1e999}',
                {"id": None, "outputs": [None], "total_cost_usd": None},
            ),
            ('"\\ud800"', "\ud800"),
            ("[" * 5000 + "]" * 5000, None),
            ("1" * 5000, None),
            ("{not json", None),
            ("null", None),
            ('"{\\"id\\": \\"a\\"}"', {"id": "a"}),
            ("true", True),
        ],
        ids=["NaN", "surrogate", "deep", "digits", "no JSON", "null", "JSON in a text", "true"],
    )
    def test_strange_value_never_breaks_the_page(self, viewer: Reader, raw: str, shown: Any) -> None:
        insert_rows([Row(dag_id=SHOWN_DAG, raw={"prediction": raw})])
        [found] = viewer.generations()["generations"]
        assert found["prediction"] == shown

    def test_value_of_another_kind_of_task_is_no_generation(self, viewer: Reader) -> None:
        values = [{"class": "cat"}, {"id": 7, "status": "shipped"}, 0.97, [1, 2], "spam", None, True]
        rows = [
            Row(dag_id=SHOWN_DAG, operator="PythonOperator", map_index=number, xcoms={"prediction": value})
            for number, value in enumerate(values)
        ]
        own = Row(dag_id=SHOWN_DAG, operator="MyOperator", task_id="own", xcoms={"prediction": prediction(1)})
        insert_rows([*rows, own])
        answer = viewer.generations()
        assert [each["task_id"] for each in answer["generations"]] == ["own"]
        assert (answer["total"], answer["sums"]["count"], answer["sums"]["unknown"]) == (1, 1, 0)

    def test_value_in_object_storage_is_a_reference(self, viewer: Reader) -> None:
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": "s3://aws_default@xcoms/shown/run/make/1.json"})])
        answer = viewer.generations()
        [found] = answer["generations"]
        assert (found["is_reference"], found["prediction"], found["outcome"]) == (True, None, "succeeded")
        assert (answer["sums"]["usd"], answer["sums"]["unknown"]) == (0, 1)

    @needs_3_4
    def test_earlier_attempt_is_neither_listed_nor_added_up(self, viewer: Reader) -> None:
        earlier = prediction(1, status="failed", outputs=[], error="The service had an error")
        # The last attempt has paid for all: see the README's `total_cost_usd`.
        current = prediction(2, submissions=2, total_cost_usd=0.2)
        insert_rows(
            [
                Row(dag_id=SHOWN_DAG, state="failed", is_current=False, xcoms={"prediction": earlier}),
                Row(dag_id=SHOWN_DAG, try_number=2, xcoms={"prediction": current}),
                Row(dag_id=SHOWN_DAG, run_id="again", state="failed", is_current=False, xcoms={"prediction": earlier}),
                Row(dag_id=SHOWN_DAG, run_id="again", state="up_for_retry", try_number=2),
            ]
        )
        answer = viewer.generations()
        [found] = answer["generations"]
        assert (found["try_number"], found["prediction"], found["outcome"]) == (2, current, "succeeded")
        assert (answer["total"], answer["sums"]["count"], answer["sums"]["usd"]) == (1, 1, 0.2)
        assert answer["waiting"]["total"] == 0
        [row] = csv.DictReader(io.StringIO(viewer.get(TABLE).text))
        assert row["prediction_id"] == current["id"]

    @needs_3_4
    def test_mapped_task_in_a_loop_has_the_generations_of_each_iteration_once(self, viewer: Reader) -> None:
        waiting: dict[str, Any] = {
            "state": "deferred",
            "xcoms": {"prediction": prediction(4, status="running", outputs=[])},
        }
        insert_rows(
            [
                # Each iteration expands the task in a region of its own, with the same indexes.
                Row(dag_id=SHOWN_DAG, map_index=0, region_id=UUID(int=7), xcoms={"prediction": prediction(1)}),
                Row(dag_id=SHOWN_DAG, map_index=1, region_id=UUID(int=7), xcoms={"prediction": prediction(2)}),
                Row(dag_id=SHOWN_DAG, map_index=0, region_id=UUID(int=8), xcoms={"prediction": prediction(3)}),
                Row(dag_id=SHOWN_DAG, map_index=1, region_id=UUID(int=8), **waiting),
            ]
        )
        answer = viewer.generations()
        assert (answer["total"], answer["sums"]["count"], answer["sums"]["usd"]) == (4, 4, 0.4)
        found = [
            (each["map_index"], each["region_id"], each["state"], int(each["prediction"]["id"], 16))
            for each in answer["generations"]
        ]
        assert sorted(found) == [
            (0, str(UUID(int=7)), "success", 1),
            (0, str(UUID(int=8)), "success", 3),
            (1, str(UUID(int=7)), "success", 2),
            (1, str(UUID(int=8)), "deferred", 4),
        ]
        assert (answer["waiting"]["total"], len(answer["waiting"]["generations"])) == (1, 1)
        rows = csv.DictReader(io.StringIO(viewer.get(TABLE).text))
        assert sorted(int(row["prediction_id"], 16) for row in rows) == [1, 2, 3, 4]


class TestTable:
    def test_table_has_all_that_the_filters_match_newest_first(self, viewer: Reader) -> None:
        insert_rows(many(700, [SHOWN_DAG]))
        response = viewer.get(TABLE, text="boat, number", until="2026-11-26")
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert response.headers["content-disposition"].startswith("attachment; filename=")
        rows = list(csv.DictReader(io.StringIO(response.text)))
        # The generations from noon of the 27th on, one every ten minutes: those of that day are left out.
        assert [row["prompt"] for row in rows] == [f"A boat, number {number}" for number in range(73, 700)]
        assert rows[0]["videos"] == "https://videos.example/73.mp4?signature=abc"
        assert (rows[0]["usd"], rows[0]["state"], rows[0]["outcome"]) == ("0.1", "success", "succeeded")

    def test_table_has_no_formula_and_any_text(self, viewer: Reader) -> None:
        prompts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\uff1d1", 'Ein "Boot",\nzwei', "\ud800", "船"]
        insert_rows(
            Row(
                dag_id=SHOWN_DAG,
                map_index=number,
                pushed_at=START - timedelta(seconds=number),
                xcoms={"prediction": prediction(number, parameters={"prompt": prompt}, error="=cmd|' /C calc'!A0")},
            )
            for number, prompt in enumerate(prompts)
        )
        rows = list(csv.DictReader(io.StringIO(viewer.get(TABLE).content.decode("utf-8"), newline="")))
        assert [row["prompt"] for row in rows] == [
            *(f"'{prompt}" for prompt in prompts[:7]),
            'Ein "Boot",\nzwei',
            "?",
            "船",
        ]
        assert {row["error"] for row in rows} == {"'=cmd|' /C calc'!A0"}

    def test_table_without_rows_has_its_columns(self, viewer: Reader) -> None:
        assert viewer.get(TABLE).text.startswith("pushed_at,dag_id,run_id,")
