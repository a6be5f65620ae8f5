"""The Hypothesis profiles of the unit tests, their collection, and their order when mutmut runs them for a mutant."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, Phase, settings

# ``settings()`` keeps the changes that Hypothesis makes in continuous integration: the same examples in every run.
settings.register_profile("short", settings(), deadline=None, max_examples=100)
settings.register_profile("long", settings(), deadline=None, max_examples=10_000)
# Few examples and no shrinking: mutmut runs each test many times, and needs only to know whether it fails.
settings.register_profile(
    "mutants",
    deadline=None,
    max_examples=30,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # Thirteen thousand tests and what they import stay until the end: no search for garbage has to visit them.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A mutant's name is module, function, number. Tests named after the module detect most mutants and run first.
    module = os.environ.get("MUTANT_UNDER_TEST", "").rpartition(".")[0].rpartition(".")[2]
    if module:
        items.sort(key=lambda item: (_is_generated(item), not item.path.stem.startswith(f"test_{module}")))


def _is_generated(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "obj", None), "hypothesis")
