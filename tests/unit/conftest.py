"""How many examples generated tests try, and which tests come first where a mutant is looked for."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

# What Hypothesis itself changes where it finds itself in continuous integration stays: the same examples every time.
settings.register_profile("short", settings(), deadline=None, max_examples=100)
settings.register_profile("long", settings(), deadline=None, max_examples=10_000)
# Whether a mutant is found is all that is asked, not by which smallest example; and mutmut runs a test many times.
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The name of mutmut's mutant: module, function, number. Most mutants fall to the tests named after their module.
    module = os.environ.get("MUTANT_UNDER_TEST", "").rpartition(".")[0].rpartition(".")[2]
    if module:
        items.sort(key=lambda item: (_is_generated(item), not item.path.stem.startswith(f"test_{module}")))


def _is_generated(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "obj", None), "hypothesis")
