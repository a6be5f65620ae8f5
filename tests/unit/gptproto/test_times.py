"""The usual generation times."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.gptproto import times
from airflow_provider_seedance.gptproto.catalogue import DEFAULT_MODEL
from airflow_provider_seedance.gptproto.requests import ImageToVideo, ReferenceToVideo, TextToVideo
from airflow_provider_seedance.gptproto.times import expected_seconds, usual_time
from tests.specification import read_table

MODELS = [row["id"] for row in read_table("models")]

each_model = pytest.mark.parametrize("model", MODELS)


class TestExpectedSeconds:
    def test_usual_video_takes_the_observed_time(self) -> None:
        assert 55 <= expected_seconds(DEFAULT_MODEL, "720p", 5) <= 90

    def test_unknown_model_uses_the_usual_time(self) -> None:
        usual = expected_seconds("seedance-2-0", "720p", 5)

        assert expected_seconds() == expected_seconds(None, None, 5) == usual
        assert expected_seconds("seedance-9-0", "720p", 5) == expected_seconds("", "720p", 5) == usual

    def test_unknown_resolution_uses_the_time_of_the_default(self) -> None:
        assert expected_seconds("seedance-2-0", "2160p", 5) == expected_seconds("seedance-2-0", "720p", 5)

    def test_prefix_and_date_do_not_change_the_time(self) -> None:
        assert expected_seconds("dreamina-seedance-2-5-260801") == expected_seconds("seedance-2-5")

    @each_model
    def test_time_grows_with_resolution_and_duration(self, model: str) -> None:
        pixels = [expected_seconds(model, resolution, 5) for resolution in ("480p", "720p", "1080p")]
        lengths = [expected_seconds(model, "480p", duration) for duration in (4, 8, 12)]

        assert pixels == sorted(set(pixels))
        assert lengths == sorted(set(lengths))

    # What another client expects for clips of 10 s, and what was measured on 2.5 for 4 s.
    @pytest.mark.parametrize(
        ("model", "duration", "seconds"),
        [
            ("seedance-1-0-pro", 10, {"480p": 70, "720p": 85, "1080p": 115}),
            ("seedance-1-0-pro-fast", 10, {"480p": 50, "720p": 65, "1080p": 100}),
            ("seedance-1-5-pro", 10, {"480p": 80, "720p": 100, "1080p": 150}),
            ("seedance-2-5", 4, {"480p": 120, "720p": 125}),
        ],
    )
    def test_time_is_near_the_known_figures(self, model: str, duration: int, seconds: dict[str, int]) -> None:
        for resolution, known in seconds.items():
            assert expected_seconds(model, resolution, duration) == pytest.approx(known, rel=0.2)

    @pytest.mark.parametrize(("media", "seconds"), [(3, 296), (30, 329)])
    def test_media_make_it_slower_as_measured(self, media: int, seconds: int) -> None:
        assert expected_seconds("seedance-2-5", "720p", 4, media) == pytest.approx(seconds, rel=0.15)

    def test_time_grows_from_no_to_one_to_more_media(self) -> None:
        none, one, *more = (expected_seconds("seedance-2-0", "480p", 4, media) for media in range(4))

        assert none < one < more[0] == more[1]

    def test_1080p_takes_less_than_half_longer_than_720p(self) -> None:
        ratio = expected_seconds("seedance-2-0", "1080p") / expected_seconds("seedance-2-0", "720p")

        assert ratio == pytest.approx(1.45)

    def test_4k_takes_longer_than_1080p(self) -> None:
        assert expected_seconds("seedance-2-0", "4k", 5) > expected_seconds("seedance-2-0", "1080p", 5)

    @pytest.mark.parametrize("duration", [-1, 0])
    def test_length_that_the_model_chooses_counts_as_the_default(self, duration: int) -> None:
        assert expected_seconds("seedance-2-0", "720p", duration) == expected_seconds("seedance-2-0", "720p", 5)

    def test_time_depends_on_the_model(self) -> None:
        assert expected_seconds("seedance-1-0-pro-fast") < expected_seconds("seedance-1-0-pro")
        assert expected_seconds("seedance-2-5") > expected_seconds("seedance-2-0")

    @pytest.mark.parametrize("resolution", [None, "480p", "720p", "1080p", "2160p"])
    @pytest.mark.parametrize("duration", [-1, 0, 2, 30, 10_000])
    @pytest.mark.parametrize("model", [*MODELS, None, "seedance-9-0"])
    @pytest.mark.parametrize("media", [0, 50])
    def test_time_is_limited_to_300_seconds(
        self, model: str | None, resolution: str | None, duration: int, media: int
    ) -> None:
        assert 0 < expected_seconds(model, resolution, duration, media) <= 300

    def test_largest_video_takes_300_seconds(self) -> None:
        assert expected_seconds("seedance-2-5", "720p", 30, 2) == 300

    def test_all_times_scale_with_usual_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(times, "USUAL_SECONDS", 0.25)

        assert max(expected_seconds(model, "1080p", 30) for model in MODELS) <= 1


class TestUsualTime:
    def kind(self, **arguments: Any) -> str:
        return usual_time(TextToVideo(prompt="A paper boat", **arguments)).kind

    def test_seconds_are_those_of_the_arguments(self) -> None:
        request = ImageToVideo(
            prompt="It sails",
            model="seedance-2-5",
            resolution="480p",
            duration=12,
            image="https://example.com/a.png",
            last_image="https://example.com/b.png",
        )
        assert usual_time(request).seconds == expected_seconds("seedance-2-5", "480p", 12, media=2)

    def test_request_without_options_has_the_usual_time(self) -> None:
        assert usual_time(TextToVideo(prompt="A paper boat")).seconds == expected_seconds(DEFAULT_MODEL, "720p", 5)

    def test_kind_names_model_resolution_length_and_media(self) -> None:
        kind = self.kind(model="seedance-2-0-fast", resolution="480p", duration=4)
        assert kind == "2.0 fast, 480p, at most 5 s, no media"

    def test_default_resolution_and_duration_are_of_the_same_kind(self) -> None:
        assert self.kind() == self.kind(resolution="720p", duration=5)

    def test_prefix_and_date_do_not_change_the_kind(self) -> None:
        assert self.kind(model="doubao-seedance-2-5-260628") == self.kind(model="seedance-2-5")

    @each_model
    def test_models_and_resolutions_are_kinds_of_their_own(self, model: str) -> None:
        kinds = {self.kind(model=each, resolution=size) for each in MODELS for size in ("480p", "720p")}
        assert len(kinds) == 2 * len({self.kind(model=each) for each in MODELS})
        assert sum(self.kind(model=model) == self.kind(model=each) for each in MODELS) == 1

    def test_unlisted_models_are_kinds_of_their_own(self) -> None:
        assert self.kind(model="seedance-9-0") != self.kind(model="seedance-9-1")

    def test_kind_of_a_long_model_id_is_short(self) -> None:
        assert len(self.kind(model="s" * 5_000)) <= 100

    @pytest.mark.parametrize(
        ("duration", "length"),
        [
            (-1, "at most 5 s"), (4, "at most 5 s"), (5, "at most 5 s"), (6, "at most 10 s"), (10, "at most 10 s"),
            (11, "at most 15 s"), (15, "at most 15 s"), (16, "longer"), (30, "longer"),
        ],
    )  # fmt: skip
    def test_durations_are_in_classes(self, duration: int, length: str) -> None:
        assert self.kind(duration=duration).split(", ")[2] == length

    @pytest.mark.parametrize(("images", "media"), [(1, "one medium"), (2, "several media"), (9, "several media")])
    def test_media_are_in_classes(self, images: int, media: str) -> None:
        request = ReferenceToVideo(prompt="It sails", images=["https://example.com/a.png"] * images)
        assert usual_time(request).kind.split(", ")[3] == media
