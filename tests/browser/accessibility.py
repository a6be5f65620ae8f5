"""The accessibility checker axe-core, in a page or a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Locator

_AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
_RUN = """async () => {
    // What is behind the transparent page, which the checker cannot see from within a frame.
    const {backgroundColor} = window.parent.getComputedStyle(window.parent.document.documentElement);
    document.documentElement.style.backgroundColor = backgroundColor;
    const {violations} = await axe.run(document, {iframes: false, resultTypes: ["violations"]});
    return violations.filter(({impact}) => ["serious", "critical"].includes(impact));
}"""


def serious_issues(frame_element: Locator) -> list[str]:
    """Return the serious and critical issues in a frame, each with its elements."""
    handle = frame_element.element_handle()
    frame: Frame | None = handle.content_frame()
    assert frame is not None
    # Evaluated, because the page's policy allows no inline script.
    frame.evaluate(_AXE.read_text())
    issues: list[dict[str, Any]] = frame.evaluate(_RUN)
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in issues]
