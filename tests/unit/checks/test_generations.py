"""The check of one generation, whose arguments may be known in part. Prices: GPTProto's list, USD per second."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_seedance.checks.generations import GenerationCheck, check_generation, unknown_generation
from airflow_provider_seedance.gptproto.catalogue import Mode
from airflow_provider_seedance.gptproto.requests import REQUESTS

LINK = "https://example.com/a.png"
FAST = "doubao-seedance-2-0-fast-260128"
LIST_720P = Decimal("0.0998")


def check(
    mode: Mode = Mode.TEXT_TO_VIDEO,
    *,
    without: tuple[str, ...] = (),
    options: dict[str, Any] | None = None,
    **given: Any,
) -> GenerationCheck:
    """Check a generation of which all parameters are known but some."""
    known: dict[str, Any] = {"prompt": "A paper boat", **dict.fromkeys(["image", "images", "videos", "audios"])}
    known = dict.fromkeys(REQUESTS[mode].__dataclass_fields__) | known | given
    return check_generation(mode, {name: known[name] for name in known if name not in without}, **options or {})


class TestKnown:
    def test_price_is_the_list_price_of_the_seconds(self) -> None:
        found = check(duration="10", model=FAST)
        assert found.price.estimate == found.price.highest == 10 * LIST_720P
        assert found.parameters["duration"] == 10
        assert found.unknown == found.refusals == found.warnings == ()

    def test_frame_size_is_that_of_the_page(self) -> None:
        assert check(resolution="480p", aspect_ratio="21:9").frame_size == (992, 432)

    def test_usual_time_is_that_of_the_default_generation(self) -> None:
        # Observed: 55 to 90 s.
        assert 55 <= (check().expected_seconds or 0) <= 90

    def test_refusals_name_each_argument(self) -> None:
        found = check(duration=99, resolution="1080p", seed=-5)
        assert sorted(each.partition(":")[0] for each in found.refusals) == ["duration", "resolution", "seed"]
        assert found.price.estimate == found.price.highest == 0

    def test_refusals_of_the_catalogue_are_warnings_on_request(self) -> None:
        found = check(resolution="1080p", options={"validation": "warn"})
        assert found.refusals == ()
        assert any(each.startswith("resolution: '1080p'") for each in found.warnings)

    def test_missing_prompt_is_refused_whatever_the_validation(self) -> None:
        found = check(prompt=" ", duration=99, options={"validation": "warn"})
        assert [each.partition(":")[0] for each in found.refusals] == ["prompt"]

    def test_price_above_max_cost_is_refused(self) -> None:
        [refusal] = check(duration=5, options={"max_cost": 0.49}).refusals
        assert refusal.startswith("max_cost: 0.49 USD")
        assert check(duration=5, options={"max_cost": 0.499}).refusals == ()

    def test_unlisted_model_has_no_price_and_a_warning(self) -> None:
        found = check(model="seedance-9")
        assert (found.price.estimate, found.price.highest) == (None, None)
        assert len(found.warnings) == 1


class TestUnknown:
    @pytest.mark.parametrize("name", ["model", "duration", "resolution"])
    def test_price_depends_on(self, name: str) -> None:
        found = check(without=(name,))
        assert (found.price.estimate, found.price.highest) == (None, None)
        assert found.price.unbounded_by == (name,)
        assert found.unknown == (name,)
        assert name not in found.parameters
        assert found.expected_seconds is None

    @pytest.mark.parametrize("name", ["prompt", "aspect_ratio", "seed", "generate_audio", "camera_fixed"])
    def test_price_does_not_depend_on(self, name: str) -> None:
        price = check(without=(name,)).price
        assert price.estimate == price.highest == 5 * LIST_720P

    def test_unknown_extra_parameters_leave_no_highest_price(self) -> None:
        price = check(without=("extra_parameters",)).price
        assert (price.estimate, price.highest) == (5 * LIST_720P, None)

    def test_unknown_prompt_may_hold_flags_that_seedance_1_obeys(self) -> None:
        price = check(model="seedance-1-0-pro-250528", without=("prompt",)).price
        assert (price.estimate, price.highest) == (5 * Decimal("0.0434"), None)

    def test_unknown_sound_counts_with_its_highest_price(self) -> None:
        price = check(model="seedance-1-5-pro-251215", without=("generate_audio",)).price
        assert (price.estimate, price.highest) == (5 * Decimal("0.0221"), 10 * Decimal("0.0221"))

    def test_unknown_clips_leave_no_highest_price(self) -> None:
        price = check(Mode.REFERENCE_TO_VIDEO, images=[LINK], without=("videos",)).price
        assert (price.estimate, price.highest) == (5 * LIST_720P, None)

    def test_files_and_uploads_are_not_read(self) -> None:
        found = check(Mode.IMAGE_TO_VIDEO, image="/no/such/file.png")
        assert "image" in found.unknown
        assert found.refusals == ()

    def test_unknown_model_gives_no_warning_about_its_placeholder(self) -> None:
        assert check(without=("model",)).warnings == ()

    def test_max_cost_limits_what_is_not_known(self) -> None:
        price = check(without=("duration",), options={"max_cost": 2}).price
        assert (price.estimate, price.highest) == (None, Decimal(2))
        assert unknown_generation("the function", max_cost=1.5).price.highest == Decimal("1.5")
        assert unknown_generation("the function").price.highest is None

    def test_list_price_above_max_cost_is_refused_even_if_the_highest_is_not_known(self) -> None:
        assert check(without=("extra_parameters",), options={"max_cost": 0.1}).refusals != ()
