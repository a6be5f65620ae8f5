"""Every example DAG succeeds against the emulator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import av
import pendulum
import pytest
from airflow.models import dagrun as dag_runs
from airflow.models.asset import AssetEvent
from airflow.sdk import DAG
from airflow.utils.session import create_session
from PIL import Image, ImageChops, ImageStat
from sqlalchemy import select

from airflow_provider_seedance.checks.dags import check_dag
from airflow_provider_seedance.checks.summary import total
from airflow_provider_seedance.emulator.handle import Emulator
from tests.conftest import EXAMPLE_DAGS
from tests.integration.examples import load_examples
from tests.integration.reviewing import reviewing
from tests.versions import HAS_STORE, IS_3_4, needs_3_4

LIGHTHOUSE = (EXAMPLE_DAGS / "data" / "lighthouse.png").read_bytes()
#: An uploaded file in the emulator's ledger.
UPLOADED = {"length": len(LIGHTHOUSE), "sha256": hashlib.sha256(LIGHTHOUSE).hexdigest()}
#: A Monday; the table of the daily content has two rows for it.
MONDAY = pendulum.datetime(2026, 11, 23, 6)
MP4 = b"ftyp"
#: Without a record a task cannot know that it repeats a lost submission only once, so it does not repeat it.
RESUBMITTED = ("resubmit", "success", 2) if HAS_STORE else ("resubmit", "failed", 1)

#: Expected submissions of each example: mode and parameters.
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
    "seedance_image_from_file": [
        ("image-to-video", {"duration": 4, "image": UPLOADED}),
        ("image-to-video", {"duration": 4, "image": UPLOADED, "last_image": UPLOADED}),
    ],
    "seedance_new_video": [("text-to-video", {"duration": 5})],
}
#: Examples that need inputs or other runs; each has a class of tests below.
SPECIAL = (
    "seedance_candidates",
    "seedance_daily_content",
    "seedance_fan_out",
    "seedance_on_new_video",
    "seedance_retries_and_clears",
    "seedance_review_and_publish",
    "seedance_storyboard",
    *(["seedance_reword_until_good"] if IS_3_4 else []),
)


def test_every_example_is_tested() -> None:
    assert sorted([*SUBMISSIONS, *SPECIAL]) == sorted(load_examples())


@pytest.mark.parametrize("dag_id", [*SUBMISSIONS, *SPECIAL])
def test_every_example_has_documentation_with_its_cost(dag_id: str, example: Callable[[str], DAG]) -> None:
    dag = example(dag_id)
    assert dag.doc_md is not None
    assert "**What it costs:**" in dag.doc_md
    assert [each.task_id for each in dag.tasks if each.task_type.startswith("Seedance") and not each.doc_md] == []


def test_mapped_tasks_are_labelled_with_prompt(example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    run: Any = example("seedance_mapped_prompts").test()

    labels = [task.rendered_map_index for task in run.get_task_instances() if task.map_index >= 0]
    assert sorted(labels) == [
        f"{subject} as a watercolour that comes to life." for subject in ("A hot-air balloon", "A lighthouse", "A tram")
    ]


@pytest.mark.parametrize("dag_id", SUBMISSIONS)
def test_example_succeeds(dag_id: str, example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    dag = example(dag_id)
    run: Any = dag.test()

    states = {(task.task_id, task.state) for task in run.get_task_instances()}
    assert states == {(task_id, "success") for task_id in dag.task_ids}
    booked = seedance_emulator.ledger()
    assert len(booked) == len(SUBMISSIONS[dag_id])
    for mode, parameters in SUBMISSIONS[dag_id]:
        assert any(entry["mode"] == mode and parameters.items() <= entry["parameters"].items() for entry in booked)
    checks = check_dag(dag)
    if all(check.estimate is not None for check in checks):
        assert sum(Decimal(entry["cost"]) for entry in booked) == total(checks).estimate
    assert all(entry["delivered"] for entry in booked)
    assert seedance_emulator.leaks() == []


def test_example_pushes_output_addresses_to_xcom(example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
    run: Any = example("seedance_text_to_video").test()

    [task] = run.get_task_instances()
    [booked] = seedance_emulator.ledger()
    address = f"{seedance_emulator.url}/outputs/{booked['id']}/0.mp4"
    assert task.xcom_pull(task_ids="make_video") == [address]
    assert task.xcom_pull(task_ids="make_video", key="video_url") == address
    assert task.xcom_pull(task_ids="make_video", key="prediction_id") == booked["id"]
    assert task.xcom_pull(task_ids="make_video", key="prediction")["outputs"] == [address]


def run(dag: DAG, **arguments: Any) -> dict[tuple[str, int], Any]:
    """Run an example and return its task instances by task id and map index."""
    dag_run: Any = dag.test(**arguments)
    return {(task.task_id, task.map_index): task for task in dag_run.get_task_instances()}


def states(tasks: dict[tuple[str, int], Any]) -> dict[tuple[str, int], str]:
    return {key: str(task.state) for key, task in tasks.items()}


class TestDailyContent:
    @pytest.fixture
    def seedance_ledger(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return tmp_path_factory.mktemp("ledger").as_uri()

    def test_daily_content_keeps_a_video_for_each_row_of_the_day(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path
    ) -> None:
        tasks = run(
            example("seedance_daily_content"),
            logical_date=MONDAY,
            run_after=MONDAY,
            run_conf={"videos": tmp_path.as_uri()},
        )

        assert set(states(tasks).values()) == {"success"}
        # dag.test() runs due tasks in any order.
        submitted = sorted(
            (each["parameters"]["aspect_ratio"], each["parameters"]["duration"]) for each in seedance_emulator.ledger()
        )
        assert submitted == [("16:9", 5), ("9:16", 4)]
        kept = sorted((tmp_path / "2026-11-23").glob("*.mp4"))
        assert [path.name for path in kept] == ["coffee.mp4", "market.mp4"]
        sidecars = [json.loads(Path(f"{path}.json").read_text()) for path in kept]
        assert [each["sha256"] for each in sidecars] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in kept]
        booked = {each["id"]: each["parameters"]["prompt"] for each in seedance_emulator.ledger()}
        assert {each["prediction_id"]: each["prompt"] for each in sidecars} == booked
        assert [path.read_bytes()[4:8] for path in kept] == [MP4, MP4]
        assert tasks["one_video.keep_video", 0].rendered_map_index == "coffee.mp4"

    def test_failed_row_does_not_stop_the_others(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path
    ) -> None:
        table = tmp_path / "table.csv"
        rows = ["weekday,file,prompt,aspect_ratio,duration"]
        rows += [
            "monday,one.mp4,A fox [policy],16:9,4",
            "monday,two.mp4,A badger,16:9,4",
            "monday,three.mp4,A hare,16:9,15",
        ]
        table.write_text("\n".join(rows))
        conf = {"table": str(table), "videos": str(tmp_path / "videos")}

        found = states(run(example("seedance_daily_content"), logical_date=MONDAY, run_after=MONDAY, run_conf=conf))

        assert [found["one_video.make_video", index] for index in range(3)] == ["failed", "success", "failed"]
        assert [found["one_video.keep_video", index] for index in range(3)] == [
            "upstream_failed",
            "success",
            "upstream_failed",
        ]
        # The emulator refuses the content of the first row; the third is above max_cost.
        assert [each["parameters"]["prompt"] for each in seedance_emulator.ledger()] == ["A badger"]

    def test_daily_content_is_paused_at_creation(self, example: Callable[[str], DAG]) -> None:
        dag = example("seedance_daily_content")
        assert dag.is_paused_upon_creation
        assert not dag.catchup


class TestFanOut:
    def test_fan_out_adds_up_twenty_videos(self, example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
        tasks = run(example("seedance_fan_out"))

        assert set(states(tasks).values()) == {"success"}
        booked = seedance_emulator.ledger()
        assert len({each["parameters"]["prompt"] for each in booked}) == len(booked) == 20
        # Four seconds in 480p at 0.0443 USD a second.
        assert tasks["add_up", -1].xcom_pull(task_ids="add_up") == {"generations": 20, "usd": 3.54, "unknown": 0}
        assert {task.pool for task in tasks.values()} == {"seedance", "default_pool"}

    def test_fan_out_above_its_budget_submits_nothing(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator
    ) -> None:
        # Two videos of four seconds in 480p cost 0.3544 USD.
        tasks = run(example("seedance_fan_out"), run_conf={"subjects": ["a fox", "a hare"], "budget": 0.35})

        assert tasks["within_budget", -1].state == "failed"
        assert seedance_emulator.ledger() == []

    def test_fan_out_adds_up_submitted_generations_if_some_fail(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator
    ) -> None:
        subjects = ["a fox", "a badger [policy]", "a hare [policy-late]"]
        tasks = run(example("seedance_fan_out"), run_conf={"subjects": subjects})

        assert [tasks["make_videos", index].state for index in range(3)] == ["success", "failed", "failed"]
        assert len(seedance_emulator.ledger()) == 2
        assert tasks["add_up", -1].xcom_pull(task_ids="add_up") == {"generations": 2, "usd": 0.35, "unknown": 0}


@pytest.fixture
def review_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every user of Airflow's REST API an admin."""
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of this test " * 8)


@pytest.mark.usefixtures("review_api")
class TestReviewAndPublish:
    DAG_ID = "seedance_review_and_publish"

    @pytest.mark.parametrize(
        ("answers", "end"),
        [
            (["Publish"], "publish"),
            (["Reject"], "rejected"),
            (["Another take", "Publish"], "publish"),
            (["Another take", "Reject"], "rejected"),
            (["Another take", "Another take", "Publish"], "publish"),
        ],
    )
    def test_review_publishes_only_the_approved_take(
        self,
        answers: list[str],
        end: str,
        example: Callable[[str], DAG],
        seedance_emulator: Emulator,
        tmp_path: Path,
    ) -> None:
        drafts, published = tmp_path / "drafts", tmp_path / "published"
        conf = {"drafts": drafts.as_uri(), "published": published.as_uri()}
        with reviewing(self.DAG_ID, *answers) as reviewer:
            tasks = run(example(self.DAG_ID), run_conf=conf)

        # Only takes that somebody asked for are paid, and the published one is the last.
        booked = seedance_emulator.ledger()
        assert len(booked) == len(reviewer.requests) == len(answers)
        for number, (request, entry) in enumerate(zip(reviewer.requests, booked, strict=True), start=1):
            assert request["subject"] == f"May take {number} of 3 be published?"
            assert f"{seedance_emulator.url}/outputs/{entry['id']}/0.mp4" in request["body"]
            assert f"/tasks/take_{number}.make_video/plugin/seedance-video)" in request["body"]
        assert sorted(path.name for path in drafts.glob("*.mp4")) == sorted(f"{entry['id']}-0.mp4" for entry in booked)
        names = [path.name for path in published.iterdir()] if published.exists() else []
        assert names == ([f"{booked[-1]['id']}-0.mp4"] if end == "publish" else [])
        assert {task_id: str(tasks[task_id, -1].state) for task_id in ("publish", "rejected")} == {
            "publish": "success" if end == "publish" else "skipped",
            "rejected": "success" if end == "rejected" else "skipped",
        }

    def test_last_request_offers_no_further_take(self, example: Callable[[str], DAG]) -> None:
        dag: Any = example(self.DAG_ID)
        options = [dag.get_task(f"take_{number}.review").options for number in (1, 2, 3)]
        assert options == [["Publish", "Another take", "Reject"]] * 2 + [["Publish", "Reject"]]
        assert {dag.get_task(f"take_{number}.review").defaults[0] for number in (1, 2, 3)} == {"Reject"}

    def test_prompt_adds_neither_links_nor_images_to_the_request(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path
    ) -> None:
        prompt = "A pen.\n\n![spy](https://spy.example/)\r[x](https://spy.example/)\n```\n<b>"
        conf = {"prompt": prompt, "drafts": tmp_path.as_uri(), "published": tmp_path.as_uri()}
        with reviewing(self.DAG_ID, "Reject") as reviewer:
            run(example(self.DAG_ID), run_conf=conf)

        [request] = reviewer.requests
        lines = [line for line in request["body"].splitlines() if "spy" in line or "```" in line or "<b>" in line]
        assert len(lines) == 4
        assert all(line.startswith("    ") for line in lines)


@pytest.mark.usefixtures("review_api")
class TestCandidates:
    DAG_ID = "seedance_candidates"

    @pytest.mark.parametrize(("answer", "seed"), [("Take 1", 1), ("Take 3", 3), ("None of them", None)])
    def test_candidates_publishes_the_chosen_take_and_keeps_all(
        self,
        answer: str,
        seed: int | None,
        example: Callable[[str], DAG],
        seedance_emulator: Emulator,
        tmp_path: Path,
    ) -> None:
        tasks, booked, request, published = self.choose(answer, example, seedance_emulator, tmp_path)

        assert sorted(entry["parameters"]["seed"] for entry in booked) == [1, 2, 3]
        assert sorted(path.name for path in (tmp_path / "candidates").glob("*.mp4")) == sorted(
            f"{entry['id']}-0.mp4" for entry in booked
        )
        for index in range(3):
            assert f"/tasks/take.make_video/mapped/{index}/plugin/seedance-video)" in request["body"]
        assert published == [f"{entry['id']}-0.mp4" for entry in booked if entry["parameters"]["seed"] == seed]
        assert tasks["publish", -1].state == ("success" if seed else "skipped")

    @pytest.mark.parametrize("answer", ["Take 1", "Take 2", "Take 3"])
    def test_failed_take_does_not_stop_the_choice_among_the_others(
        self, answer: str, example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path
    ) -> None:
        seedance_emulator.fault(endpoint="submit", status=400, body={"error": {"message": "no"}}, times=1)
        tasks, booked, request, published = self.choose(answer, example, seedance_emulator, tmp_path)

        # Whichever task came first.
        [failed] = [index for index in range(3) if tasks["take.make_video", index].state == "failed"]
        assert len(booked) == 2
        take = request["body"].partition(f"### Take {failed + 1}\n")[2].partition("### Take")[0]
        assert "[This take has failed.]" in take
        assert request["body"].count("[This take has failed.]") == 1
        is_failed = answer == f"Take {failed + 1}"
        assert tasks["publish", -1].state == ("upstream_failed" if is_failed else "success")
        assert len(published) == (0 if is_failed else 1)

    def choose(
        self, answer: str, example: Callable[[str], DAG], emulator: Emulator, folder: Path
    ) -> tuple[dict[tuple[str, int], Any], list[dict[str, Any]], dict[str, Any], list[str]]:
        """Return the task instances, the ledger, the request and the names of the published files."""
        conf = {"candidates": (folder / "candidates").as_uri(), "published": (folder / "published").as_uri()}
        with reviewing(self.DAG_ID, answer) as reviewer:
            tasks = run(example(self.DAG_ID), run_conf=conf)
        [request] = reviewer.requests
        published = folder / "published"
        return (
            tasks,
            emulator.ledger(),
            request,
            [path.name for path in published.iterdir()] if published.exists() else [],
        )


class TestReactToVideos:
    def test_asset_event_leads_to_a_stored_video(
        self,
        example: Callable[[str], DAG],
        seedance_emulator: Emulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        run(example("seedance_new_video"))
        [booked] = seedance_emulator.ledger()
        link = f"{seedance_emulator.url}/outputs/{booked['id']}/0.mp4"
        create = dag_runs.get_or_create_dagrun
        with create_session() as session:
            event = session.scalars(select(AssetEvent).order_by(AssetEvent.id.desc()).limit(1)).one()
            assert event.extra == {
                "prediction_id": booked["id"],
                "urls": [link],
                "model": "doubao-seedance-2-0-fast-260128",
                "width": 1280,
                "height": 720,
                "estimated_cost_usd": 0.499,
            }

        def create_with_event(*, session: Any, **arguments: Any) -> Any:
            # dag.test() creates a run without asset events; the scheduler adds them.
            created = create(session=session, **arguments)
            created.consumed_asset_events.append(session.get(AssetEvent, event.id))
            session.commit()
            return created

        monkeypatch.setattr(dag_runs, "get_or_create_dagrun", create_with_event)
        tasks = run(example("seedance_on_new_video"), run_conf={"videos": tmp_path.as_uri()})

        assert set(states(tasks).values()) == {"success"}
        [kept] = tmp_path.iterdir()
        assert kept.name == f"{booked['id']}-0.mp4"
        assert tasks["keep_video", 0].rendered_map_index == booked["id"]
        assert len(seedance_emulator.ledger()) == 1


class TestStoryboard:
    @pytest.fixture(autouse=True)
    def marked_films(self) -> None:
        """Encode each film, because the tests look at the pictures."""

    def test_each_shot_begins_with_the_last_frame_of_the_previous_one(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path
    ) -> None:
        tasks = run(example("seedance_storyboard"), run_conf={"film": tmp_path.as_uri()})

        assert set(states(tasks).values()) == {"success"}
        booked = seedance_emulator.ledger()
        assert [each["mode"] for each in booked] == ["text-to-video", "image-to-video", "image-to-video"]
        [folder] = tmp_path.iterdir()
        assert sorted(path.name for path in folder.glob("*.mp4")) == ["shot_1.mp4", "shot_2.mp4", "shot_3.mp4"]
        for number in (1, 2):
            still = folder / f"shot_{number}.png"
            assert booked[number]["parameters"]["image"]["sha256"] == hashlib.sha256(still.read_bytes()).hexdigest()
            assert mean_difference(still, folder / f"shot_{number}.mp4", -1) < 1
            assert mean_difference(still, folder / f"shot_{number}.mp4", 0) > 1

    def test_failed_shot_stops_further_submissions(
        self, example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path
    ) -> None:
        seedance_emulator.fault(endpoint="submit", after=1, status=400, body={"error": {"message": "no"}})
        tasks = run(example("seedance_storyboard"), run_conf={"film": tmp_path.as_uri()})

        assert tasks["make_shot_2", -1].state == "failed"
        assert tasks["make_shot_3", -1].state == "upstream_failed"
        assert len(seedance_emulator.ledger()) == 1


def mean_difference(still: Path, video: Path, index: int) -> float:
    """Return the mean difference between a frame of a video and an image, from 0 to 255."""
    with av.open(video) as container:
        frame: Any = list(container.decode(video=0))[index]
    difference = ImageStat.Stat(ImageChops.difference(frame.to_image(), Image.open(still)))
    return sum(difference.mean) / len(difference.mean)


class TestRetriesAndClears:
    def test_example_submits_in_three_tasks(self, example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
        tasks = run(example("seedance_retries_and_clears"))

        assert set(states(tasks).values()) == {"success"}
        assert len(seedance_emulator.ledger()) == 3
        ids = {name: tasks[name, -1].xcom_pull(task_ids=name, key="prediction_id") for name, _ in tasks}
        assert ids["pick_up"] == ids["reuse"]
        assert len(set(ids.values())) == 3

    def test_pick_up_uses_given_prediction(self, example: Callable[[str], DAG], seedance_emulator: Emulator) -> None:
        earlier = run(example("seedance_text_to_video"))["make_video", -1]
        prediction_id = earlier.xcom_pull(task_ids="make_video", key="prediction_id")
        tasks = run(example("seedance_retries_and_clears"), run_conf={"prediction_id": prediction_id})

        assert tasks["pick_up", -1].xcom_pull(task_ids="pick_up", key="prediction_id") == prediction_id
        assert len(seedance_emulator.ledger()) == 1 + 3

    @pytest.mark.parametrize(("task_id", "state", "booked"), [RESUBMITTED, ("regenerate", "failed", 1)])
    def test_lost_response_is_paid_twice_only_with_resubmit(
        self, task_id: str, state: str, booked: int, example: Callable[[str], DAG], seedance_emulator: Emulator
    ) -> None:
        dag = example("seedance_retries_and_clears").partial_subset(task_id)
        dag.get_task(task_id).retry_delay = timedelta(0)
        seedance_emulator.fault(endpoint="submit", drop="after")

        assert states(run(dag)) == {(task_id, -1): state}
        assert len(seedance_emulator.ledger()) == booked


@needs_3_4
def test_loop_submits_a_reworded_prompt_until_the_video_is_good(
    example: Callable[[str], DAG], seedance_emulator: Emulator
) -> None:
    dag_run: Any = example("seedance_reword_until_good").test()

    assert dag_run.state == "success"
    first, second = (each["parameters"]["prompt"] for each in seedance_emulator.ledger())
    assert "light" not in first
    assert second == f"{first} Soft morning light, mist on the water."
