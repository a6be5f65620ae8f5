"""The catalogue: models, frame sizes, prices and usual generation times."""

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
    def test_catalogue_lists_exactly_the_documented_models(self) -> None:
        assert set(known_models()) == set(MODELS)

    @each_model
    def test_limits_of_a_model_are_as_documented(self, model: str) -> None:
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
    def test_prefix_and_date_of_an_id_are_optional(self, model: str, prefix: str, date: str) -> None:
        assert find_model(f"{prefix}{model}{date}") is known_models()[model]

    def test_default_is_the_model_of_the_page(self) -> None:
        assert catalogue.DEFAULT_MODEL == "doubao-seedance-2-0-fast-260128"
        assert find_model(catalogue.DEFAULT_MODEL) is known_models()["seedance-2-0-fast"]

    @pytest.mark.parametrize("model", ["Doubao-Seedance-1-0-Pro-250528", " seedance-1-0-pro\n"])
    def test_case_and_spaces_around_an_id_are_ignored(self, model: str) -> None:
        assert find_model(model) is known_models()["seedance-1-0-pro"]

    @pytest.mark.parametrize(
        "model",
        ["", "-", "doubao-", "seedance", "seedance-9-0", "seedance-2-0-ultra", "seedance-2-0-12345", "veo-3", "a\nb"],
    )
    def test_unlisted_id_returns_none(self, model: str) -> None:
        assert find_model(model) is None


class TestParameters:
    @pytest.mark.parametrize("mode", MODES)
    def test_ranges_and_defaults_match_the_page(self, mode: str) -> None:
        rows = {row["parameter"]: row for row in PARAMETERS if row["mode"] == mode}

        assert set(catalogue.ASPECT_RATIOS) == set(rows["aspect_ratio"]["range"].split())
        assert set(catalogue.RESOLUTIONS) == set(rows["resolution"]["range"].split())
        assert f"{catalogue.SEED_MINIMUM} ~ {catalogue.SEED_MAXIMUM}" == rows["seed"]["range"]
        assert rows["aspect_ratio"]["default"] == catalogue.DEFAULT_ASPECT_RATIO
        assert rows["resolution"]["default"] == catalogue.DEFAULT_RESOLUTION
        assert rows["duration"]["default"] == str(catalogue.DEFAULT_DURATION)

    def test_frame_rate_is_24(self) -> None:
        assert catalogue.FRAMES_PER_SECOND == 24

    def test_upload_limits_match_upstream(self) -> None:
        assert catalogue.MAXIMUM_IMAGE_BYTES == 30 * 1024 * 1024
        assert catalogue.MAXIMUM_REQUEST_BYTES == 64 * 1024 * 1024


class TestFrameSizes:
    def test_documented_table_has_every_combination(self) -> None:
        combinations = {(row["resolution"], row["aspect_ratio"]) for row in FRAME_SIZES}

        assert len(FRAME_SIZES) == len(combinations) == 18

    @pytest.mark.parametrize("row", FRAME_SIZES, ids=lambda row: f"{row['resolution']} {row['aspect_ratio']}")
    @each_model
    def test_frame_size_matches_the_column_of_the_model(self, model: str, row: dict[str, str]) -> None:
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
    def test_unpublished_frame_size_is_none(self, model: str, resolution: str, aspect_ratio: str) -> None:
        assert frame_size(model, resolution, aspect_ratio) is None


class TestEstimateCost:
    @each_model
    def test_second_of_video_costs_the_list_price(self, model: str) -> None:
        row = MODELS[model]
        resolutions = row["resolutions"].split()
        prices = {} if row["prices"] == "-" else dict(zip(resolutions, row["prices"].split(), strict=True))

        estimates = {resolution: estimate_cost(model, resolution, 1) for resolution in resolutions}

        assert estimates == {resolution: Decimal(prices[resolution]) if prices else None for resolution in resolutions}

    def test_cost_grows_with_the_duration(self) -> None:
        assert estimate_cost("seedance-2-5", "480p", 30) == Decimal("3.390")

    def test_five_seconds_of_2_0_fast_cost_about_half_a_dollar(self) -> None:
        cost = estimate_cost("doubao-seedance-2-0-fast-260128", "720p", 5)

        assert cost is not None
        assert round(cost, 2) == Decimal("0.50")

    def test_cost_without_a_resolution_uses_the_default(self) -> None:
        assert estimate_cost("seedance-1-5-pro", None, 4) == Decimal("0.0884")

    @pytest.mark.parametrize(("model", "resolution"), [("seedance-9-0", "720p"), ("seedance-2-0-fast", "1080p")])
    def test_unpublished_price_is_none(self, model: str, resolution: str) -> None:
        assert estimate_cost(model, resolution, 5) is None


class TestExpectedSeconds:
    def test_usual_video_takes_the_observed_time(self) -> None:
        assert 55 <= expected_seconds(catalogue.DEFAULT_MODEL, "720p", 5) <= 90

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

    def test_time_depends_on_the_model(self) -> None:
        assert expected_seconds("seedance-1-0-pro-fast") < expected_seconds("seedance-1-0-pro")
        assert expected_seconds("seedance-2-5") > expected_seconds("seedance-2-0")

    @pytest.mark.parametrize("resolution", [None, "480p", "720p", "1080p", "2160p"])
    @pytest.mark.parametrize("duration", [0, 2, 30, 10_000])
    @pytest.mark.parametrize("model", [*MODELS, None, "seedance-9-0"])
    def test_time_is_limited_to_300_seconds(self, model: str | None, resolution: str | None, duration: int) -> None:
        assert 0 < expected_seconds(model, resolution, duration) <= 300

    def test_largest_video_takes_300_seconds(self) -> None:
        assert expected_seconds("seedance-2-5", "720p", 30) == 300

    def test_all_times_scale_with_usual_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(catalogue, "USUAL_SECONDS", 0.25)

        assert max(expected_seconds(model, "1080p", 30) for model in MODELS) <= 1
