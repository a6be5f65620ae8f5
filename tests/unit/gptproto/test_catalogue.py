"""What the catalogue knows of models, frame sizes, prices and usual times."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_seedance.gptproto import catalogue
from airflow_provider_seedance.gptproto.catalogue import (
    estimate_cost,
    expected_seconds,
    find_model,
    frame_size,
    known_models,
)
from tests.specification import read_table

FRAME_SIZES = read_table("frame_sizes")
PARAMETERS = read_table("parameters")
MODELS = {row["id"]: row for row in read_table("models")}
MODES = ("text-to-video", "image-to-video", "reference-to-video")

each_model = pytest.mark.parametrize("model", MODELS)


class TestModels:
    def test_exactly_the_documented_models_are_listed(self) -> None:
        assert set(known_models()) == set(MODELS)

    @each_model
    def test_what_a_model_accepts_is_as_documented(self, model: str) -> None:
        known, row = known_models()[model], MODELS[model]

        assert known.name == row["model"]
        assert {mode for mode in MODES if row[mode] == "yes"} == known.modes
        assert known.last_image == (row["last_image"] == "yes")
        assert known.generate_audio == (row["generate_audio"] == "yes")
        assert list(known.durations) == [int(end) for end in row["duration"].split(" ~ ")]
        assert list(known.resolutions) == row["resolutions"].split()

    @pytest.mark.parametrize("date", ["", "-250428", "-20260128"])
    @pytest.mark.parametrize("prefix", ["", "doubao-", "dreamina-"])
    @each_model
    def test_ids_with_and_without_prefix_and_date_are_one_model(self, model: str, prefix: str, date: str) -> None:
        assert find_model(f"{prefix}{model}{date}") is known_models()[model]

    def test_the_model_of_the_page_is_the_default(self) -> None:
        assert catalogue.DEFAULT_MODEL == "doubao-seedance-2-0-fast-260128"
        assert find_model(catalogue.DEFAULT_MODEL) is known_models()["seedance-2-0-fast"]

    @pytest.mark.parametrize("model", ["Doubao-Seedance-1-0-Pro-250528", " seedance-1-0-pro\n"])
    def test_case_and_spaces_around_an_id_do_not_matter(self, model: str) -> None:
        assert find_model(model) is known_models()["seedance-1-0-pro"]

    @pytest.mark.parametrize(
        "model",
        ["", "-", "doubao-", "seedance", "seedance-9-0", "seedance-2-0-ultra", "seedance-2-0-12345", "veo-3", "a\nb"],
    )
    def test_an_id_that_is_not_listed_is_unknown(self, model: str) -> None:
        assert find_model(model) is None


class TestParameters:
    @pytest.mark.parametrize("mode", MODES)
    def test_ranges_and_defaults_are_those_of_the_page(self, mode: str) -> None:
        rows = {row["parameter"]: row for row in PARAMETERS if row["mode"] == mode}

        assert set(catalogue.ASPECT_RATIOS) == set(rows["aspect_ratio"]["range"].split())
        assert set(catalogue.RESOLUTIONS) == set(rows["resolution"]["range"].split())
        assert f"{catalogue.SEED_MINIMUM} ~ {catalogue.SEED_MAXIMUM}" == rows["seed"]["range"]
        assert rows["aspect_ratio"]["default"] == catalogue.DEFAULT_ASPECT_RATIO
        assert rows["resolution"]["default"] == catalogue.DEFAULT_RESOLUTION
        assert rows["duration"]["default"] == str(catalogue.DEFAULT_DURATION)

    def test_videos_have_24_frames_a_second(self) -> None:
        assert catalogue.FRAMES_PER_SECOND == 24

    def test_upload_limits_are_those_of_upstream(self) -> None:
        assert catalogue.MAXIMUM_IMAGE_BYTES == 30 * 1024 * 1024
        assert catalogue.MAXIMUM_REQUEST_BYTES == 64 * 1024 * 1024


class TestFrameSizes:
    def test_the_table_is_whole(self) -> None:
        combinations = {(row["resolution"], row["aspect_ratio"]) for row in FRAME_SIZES}

        assert len(FRAME_SIZES) == len(combinations) == 18

    @pytest.mark.parametrize("row", FRAME_SIZES, ids=lambda row: f"{row['resolution']} {row['aspect_ratio']}")
    @each_model
    def test_every_model_has_the_sizes_of_its_column(self, model: str, row: dict[str, str]) -> None:
        column = "1.0" if MODELS[model]["model"].startswith("1.0") else "1.5 and later"

        size = frame_size(f"doubao-{model}-260128", row["resolution"], row["aspect_ratio"])

        assert size is not None
        assert size == tuple(int(side) for side in row[column].split("\N{MULTIPLICATION SIGN}"))

    @pytest.mark.parametrize(
        ("model", "resolution", "aspect_ratio"),
        [
            ("seedance-9-0", "720p", "16:9"),
            ("seedance-2-0", "2160p", "16:9"),
            ("seedance-2-0", "720p", "2:1"),
        ],
    )
    def test_a_size_that_is_not_published_is_not_guessed(self, model: str, resolution: str, aspect_ratio: str) -> None:
        assert frame_size(model, resolution, aspect_ratio) is None


class TestEstimateCost:
    @each_model
    def test_a_second_costs_the_list_price(self, model: str) -> None:
        row = MODELS[model]
        resolutions = row["resolutions"].split()
        prices = {} if row["prices"] == "-" else dict(zip(resolutions, row["prices"].split(), strict=True))

        estimates = {resolution: estimate_cost(model, resolution, 1) for resolution in resolutions}

        assert estimates == {resolution: Decimal(prices[resolution]) if prices else None for resolution in resolutions}

    def test_the_cost_grows_with_the_duration(self) -> None:
        assert estimate_cost("seedance-2-5", "480p", 30) == Decimal("3.390")

    def test_a_clip_of_5_s_on_2_0_fast_costs_about_half_a_dollar(self) -> None:
        cost = estimate_cost("doubao-seedance-2-0-fast-260128", "720p", 5)

        assert cost is not None
        assert round(cost, 2) == Decimal("0.50")

    def test_without_a_resolution_the_default_is_priced(self) -> None:
        assert estimate_cost("seedance-1-5-pro", None, 4) == Decimal("0.0884")

    @pytest.mark.parametrize(("model", "resolution"), [("seedance-9-0", "720p"), ("seedance-2-0-fast", "1080p")])
    def test_a_price_that_is_not_published_is_not_guessed(self, model: str, resolution: str) -> None:
        assert estimate_cost(model, resolution, 5) is None


class TestExpectedSeconds:
    def test_the_usual_video_takes_what_was_seen(self) -> None:
        assert 55 <= expected_seconds(catalogue.DEFAULT_MODEL, "720p", 5) <= 90

    def test_one_of_which_nothing_is_known_is_expected_like_the_usual(self) -> None:
        usual = expected_seconds("seedance-2-0", "720p", 5)

        assert expected_seconds() == expected_seconds(None, None, 5) == usual
        assert expected_seconds("seedance-9-0", "720p", 5) == expected_seconds("", "720p", 5) == usual

    def test_a_resolution_of_tomorrow_is_expected_like_the_default(self) -> None:
        assert expected_seconds("seedance-2-0", "2160p", 5) == expected_seconds("seedance-2-0", "720p", 5)

    def test_ids_with_prefix_and_date_are_expected_like_the_bare_one(self) -> None:
        assert expected_seconds("dreamina-seedance-2-5-260801") == expected_seconds("seedance-2-5")

    @each_model
    def test_more_pixels_and_longer_videos_take_longer(self, model: str) -> None:
        pixels = [expected_seconds(model, resolution, 5) for resolution in ("480p", "720p", "1080p")]
        lengths = [expected_seconds(model, "480p", duration) for duration in (4, 8, 12)]

        assert pixels == sorted(set(pixels))
        assert lengths == sorted(set(lengths))

    def test_a_fast_model_takes_less_and_the_largest_more(self) -> None:
        assert expected_seconds("seedance-1-0-pro-fast") < expected_seconds("seedance-1-0-pro")
        assert expected_seconds("seedance-2-5") > expected_seconds("seedance-2-0")

    @pytest.mark.parametrize("resolution", [None, "480p", "720p", "1080p", "2160p"])
    @pytest.mark.parametrize("duration", [0, 2, 30, 10_000])
    @pytest.mark.parametrize("model", [*MODELS, None, "seedance-9-0"])
    def test_no_expectation_goes_beyond_what_was_seen_now_and_then(
        self, model: str | None, resolution: str | None, duration: int
    ) -> None:
        assert 0 < expected_seconds(model, resolution, duration) <= 300

    def test_the_largest_video_is_expected_to_take_the_longest_time_seen_now_and_then(self) -> None:
        assert expected_seconds("seedance-2-5", "720p", 30) == 300

    def test_all_follow_the_usual_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(catalogue, "USUAL_SECONDS", 0.25)

        assert max(expected_seconds(model, "1080p", 30) for model in MODELS) <= 1
