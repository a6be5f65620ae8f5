"""The catalogue: models, frame sizes, prices and usual generation times."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_seedance.gptproto import catalogue
from airflow_provider_seedance.gptproto.catalogue import (
    estimate_cost,
    find_model,
    frame_size,
    known_models,
)
from airflow_provider_seedance.gptproto.prices import Price
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
        assert (known.retired == "") == (row["current"] == "yes")

    @each_model
    def test_limits_of_references_are_as_documented(self, model: str) -> None:
        limits, documented = known_models()[model].references, MODELS[model]["references"]

        assert (limits is None) == (documented == "-")
        if limits is not None:
            assert list(dataclasses.astuple(limits)) == [int(each) for each in documented.split()]

    @pytest.mark.parametrize("date", ["", "-250428", "-20260128"])
    @pytest.mark.parametrize("prefix", ["", "doubao-", "dreamina-"])
    @each_model
    def test_prefix_and_date_of_an_id_are_optional(self, model: str, prefix: str, date: str) -> None:
        assert find_model(f"{prefix}{model}{date}") is known_models()[model]

    # GPTProto's ids of November 2026.
    @pytest.mark.parametrize(
        ("model", "name"),
        [
            ("doubao-seedance-2-0-260128", "2.0"),
            ("dreamina-seedance-2-0-260128", "2.0"),
            ("doubao-seedance-2-0-fast-260128", "2.0 fast"),
            ("dreamina-seedance-2-0-fast-260128", "2.0 fast"),
            ("dreamina-seedance-2-0-mini-260615", "2.0 mini"),
            ("dreamina-seedance-2-5-260628", "2.5"),
            ("seedance-1-5-pro-251215", "1.5 pro"),
            ("seedance-1-0-pro-250528", "1.0 pro"),
        ],
    )
    def test_listed_id_is_known(self, model: str, name: str) -> None:
        known = find_model(model)

        assert known is not None
        assert known.name == name

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
            ("seedance-2-0", "4k", "16:9"),
            ("seedance-2-0", "720p", "2:1"),
            ("seedance-2-0", "720p", "adaptive"),
        ],
    )
    def test_unpublished_frame_size_is_none(self, model: str, resolution: str, aspect_ratio: str) -> None:
        assert frame_size(model, resolution, aspect_ratio) is None


class TestEstimate:
    @each_model
    def test_second_of_video_costs_the_list_price(self, model: str) -> None:
        row = MODELS[model]
        resolutions = row["resolutions"].split()
        prices = {} if row["prices"] == "-" else dict(zip(resolutions, row["prices"].split(), strict=True))

        estimates = {each: estimate_cost(model, resolution=each, duration=1).estimate for each in resolutions}

        assert estimates == {resolution: Decimal(prices[resolution]) if prices else None for resolution in resolutions}

    @pytest.mark.parametrize(
        ("arguments", "usd"),
        [
            # Five seconds of 2.0 fast in 720p, at 0.0998 USD, are the default.
            ({}, "0.499"),
            ({"duration": "4", "resolution": "480p"}, "0.1772"),
            ({"model": "seedance-2-5", "resolution": "480p", "duration": 30}, "3.390"),
            ({"model": "dreamina-seedance-2-0-260128", "resolution": "1080p", "duration": 15}, "6.1740"),
            ({"model": "dreamina-seedance-2-0-260128", "resolution": "4k", "duration": 10}, "8.5536"),
            ({"model": "doubao-seedance-2-0-260128", "resolution": "4k", "duration": 10}, "8.5536"),
        ],
    )
    def test_price_without_uncertainty_is_the_list_price(self, arguments: dict[str, Any], usd: str) -> None:
        assert estimate_cost(**arguments) == Price(estimate=Decimal(usd), highest=Decimal(usd))


class TestHighestPrice:
    # Upstream: 2.9 times the list price for 4 s from clips of 15 s on 2.0, 5 times for 4 s from clips of 30 s on 2.5.
    @pytest.mark.parametrize(
        ("model", "least", "most"),
        [
            ("seedance-2-0", 2.9, 2.95),
            ("seedance-2-0-fast", 2.9, 2.95),
            ("seedance-2-0-mini", 2.9, 2.95),
            ("seedance-2-5", 5, 5.2),
        ],
    )
    @pytest.mark.parametrize("resolution", ["480p", "720p"])
    def test_reference_clips_raise_it_to_the_documented_multiple(
        self, model: str, resolution: str, least: float, most: float
    ) -> None:
        price = estimate_cost(model, duration=4, resolution=resolution, videos=["https://example.com/moves.mp4"])

        assert price.estimate == estimate_cost(model, duration=4, resolution=resolution).estimate
        assert price.estimate is not None
        assert price.highest is not None
        assert least <= price.highest / price.estimate <= most
        assert price.raised_by == ("reference clips",)

    @pytest.mark.parametrize("model", [model for model in MODELS if MODELS[model]["reference-to-video"] == "yes"])
    def test_reference_clips_cost_at_least_the_list_price(self, model: str) -> None:
        # Upstream's minimum for a request with clips is about the list price, for every length of the video.
        for duration in range(4, 31):
            price = estimate_cost(model, duration=duration, videos=True)
            assert price.estimate is not None
            assert price.highest is not None
            assert price.highest >= price.estimate

    # 1.5 pro costs 0.0221 USD per second in 720p, and upstream twice as much with sound, which is the default.
    @pytest.mark.parametrize(
        ("generate_audio", "highest", "raised_by"),
        [(None, "0.1768", ("sound",)), (True, "0.1768", ("sound",)), (False, "0.0884", ())],
    )
    def test_sound_doubles_it_on_1_5_pro(
        self, generate_audio: bool | None, highest: str, raised_by: tuple[str, ...]
    ) -> None:
        price = estimate_cost("seedance-1-5-pro", duration=4, generate_audio=generate_audio)

        assert price == Price(estimate=Decimal("0.0884"), highest=Decimal(highest), raised_by=raised_by)

    # -1 lets the model choose: up to 15 s on 2.0 (0.0739 USD in 480p), 12 s on 1.5 pro (0.0102), 30 s on 2.5 (0.113).
    @pytest.mark.parametrize(
        ("model", "estimate", "highest"),
        [
            ("seedance-2-0", "0.3695", "1.1085"),
            ("seedance-1-5-pro", "0.0510", "0.1224"),
            ("seedance-2-5", ".565", "3.39"),
        ],
    )
    def test_length_that_the_model_chooses_counts_as_the_longest(self, model: str, estimate: str, highest: str) -> None:
        price = estimate_cost(model, duration=-1, resolution="480p", generate_audio=False)

        assert price == Price(estimate=Decimal(estimate), highest=Decimal(highest), raised_by=("duration=-1",))

    # 2.0 makes videos of 4 s and more, at 0.0739 USD a second in 480p; 1.0 pro of 2 s, at 0.0196 USD.
    @pytest.mark.parametrize(
        ("model", "duration", "estimate", "highest"),
        [
            ("seedance-2-0", 1, "0.0739", "0.2956"),
            ("seedance-2-0", 3, "0.2217", "0.2956"),
            ("seedance-1-0-pro", 1, "0.0196", "0.0392"),
        ],
    )
    def test_length_below_the_range_may_be_billed_as_the_shortest(
        self, model: str, duration: int, estimate: str, highest: str
    ) -> None:
        price = estimate_cost(model, duration=duration, resolution="480p")

        raised_by = (f"duration={duration}",)
        assert price == Price(estimate=Decimal(estimate), highest=Decimal(highest), raised_by=raised_by)

    @pytest.mark.parametrize(("duration", "usd"), [(4, "0.2956"), (15, "1.1085"), (20, "1.4780")])
    def test_length_in_or_above_the_range_counts_as_given(self, duration: int, usd: str) -> None:
        price = estimate_cost("seedance-2-0", duration=duration, resolution="480p")

        assert price == Price(estimate=Decimal(usd), highest=Decimal(usd))

    def test_causes_add_up(self) -> None:
        # 12 s at 0.0221 USD, twice.
        price = estimate_cost("seedance-1-5-pro", duration=-1)

        assert (price.highest, price.raised_by) == (Decimal("0.5304"), ("duration=-1", "sound"))


class TestDuration:
    # The request reads these in the same way: templates and spreadsheets write them.
    @pytest.mark.parametrize("duration", [5, "5", "5.0", "5.", " 5 ", "+5", 5.0, Decimal(5), None])
    def test_duration_is_read_as_the_request_reads_it(self, duration: Any) -> None:
        assert estimate_cost(duration=duration).estimate == Decimal("0.499")

    @pytest.mark.parametrize("duration", ["5.5", 5.5, "five", "", True, float("nan"), float("inf"), [5]])
    @pytest.mark.parametrize("model", [catalogue.DEFAULT_MODEL, "seedance-9-0"])
    def test_duration_that_is_no_whole_number_is_an_error(self, duration: Any, model: str) -> None:
        with pytest.raises(
            ValueError, match=r"^duration: .+ is not allowed; allowed: a whole number of seconds, or -1$"
        ):
            estimate_cost(model, duration=duration)


class TestNoHighestPrice:
    @pytest.mark.parametrize(
        ("arguments", "unbounded_by"),
        [
            ({"model": "seedance-9-0"}, ("model 'seedance-9-0'",)),
            ({"model": "seedance-1-0-pro-fast"}, ("model 'seedance-1-0-pro-fast'",)),
            ({"resolution": "1080p"}, ("resolution '1080p'",)),
            ({"model": "seedance-2-5", "resolution": "1080p"}, ("resolution '1080p'",)),
            ({"model": "seedance-2-5", "resolution": "4k"}, ("resolution '4k'",)),
            (
                {"model": "seedance-1-0-lite-t2v", "extra_parameters": {"n": 2}, "prompt": "--rs 1080p"},
                ("model 'seedance-1-0-lite-t2v'", "extra_parameters", "prompt flag --rs"),
            ),
        ],
    )
    def test_unlisted_price_is_unknown(self, arguments: dict[str, Any], unbounded_by: tuple[str, ...]) -> None:
        assert estimate_cost(**arguments) == Price(estimate=None, highest=None, unbounded_by=unbounded_by)

    @pytest.mark.parametrize(
        ("arguments", "unbounded_by"),
        [
            ({"extra_parameters": {"watermark": False}}, ("extra_parameters",)),
            ({"model": "seedance-1-0-pro", "videos": True}, ("reference clips",)),
            ({"model": "seedance-2-0", "videos": ["a"] * 4}, ("reference clips",)),
            ({"model": "seedance-2-5", "videos": ("a",) * 11}, ("reference clips",)),
            (
                {"model": "seedance-1-5-pro", "prompt": "A boat --rs 1080p --dur 12 --rs 480p"},
                ("prompt flag --rs", "prompt flag --dur"),
            ),
        ],
    )
    def test_bill_that_nothing_limits_has_only_an_estimate(
        self, arguments: dict[str, Any], unbounded_by: tuple[str, ...]
    ) -> None:
        price = estimate_cost(**arguments)

        plain = estimate_cost(arguments.get("model", catalogue.DEFAULT_MODEL))
        assert price == Price(estimate=plain.estimate, highest=None, unbounded_by=unbounded_by)

    @pytest.mark.parametrize(("model", "most"), [("seedance-2-0", 3), ("seedance-2-5", 10)])
    def test_as_many_clips_as_the_model_takes_leave_it_limited(self, model: str, most: int) -> None:
        assert estimate_cost(model, videos=["a"] * most) == estimate_cost(model, videos=True)

    @pytest.mark.parametrize("extra_parameters", [None, {}])
    def test_no_extra_parameters_leave_it_limited(self, extra_parameters: dict[str, Any] | None) -> None:
        assert estimate_cost(extra_parameters=extra_parameters).highest == Decimal("0.499")

    @pytest.mark.parametrize("model", [model for model in MODELS if MODELS[model]["model"] >= "2"])
    def test_2_x_reads_no_prompt_flags(self, model: str) -> None:
        assert estimate_cost(model, prompt="A boat --rs 1080p --dur 12").unbounded_by == ()
