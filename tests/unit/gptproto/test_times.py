"""The usual generation times."""

from __future__ import annotations

import pytest

from airflow_provider_seedance.gptproto import times
from airflow_provider_seedance.gptproto.catalogue import DEFAULT_MODEL
from airflow_provider_seedance.gptproto.times import expected_seconds
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
        monkeypatch.setattr(times, "USUAL_SECONDS", 0.25)

        assert max(expected_seconds(model, "1080p", 30) for model in MODELS) <= 1
