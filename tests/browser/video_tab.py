"""The tab *Video* of a task instance: a page object for browser tests."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import FrameLocator, Locator, expect

from tests.browser.stage import TASK_ID
from tests.browser.visitors import Visitor


@dataclass(frozen=True, slots=True)
class VideoTab:
    """
    The tab and the page in its frame.

    :param visitor: The user who is logged in.
    """

    visitor: Visitor

    @property
    def frame(self) -> FrameLocator:
        """Airflow's frame with the page."""
        return self.visitor.page.frame_locator("iframe[title=Video]")

    @property
    def content(self) -> Locator:
        """All content of the page."""
        return self.frame.get_by_role("main")

    @property
    def video(self) -> Locator:
        """The video of a single task instance, from its link."""
        return self.frame.frame_locator("iframe").get_by_label("Video 1", exact=True)

    @property
    def load_button(self) -> Locator:
        """The button that loads a video from the emulator, whose address is private."""
        return self.frame.get_by_role("button", name="Load from")

    @property
    def tiles(self) -> Locator:
        """The instances of a mapped task."""
        return self.frame.get_by_role("listitem")

    def play(self) -> None:
        """Load the video, click on it, and wait until it plays."""
        self.load_button.click()
        expect(self.video).not_to_have_js_property("readyState", 0)
        self.video.click()
        wait_until_video_plays(self.video)

    def open(self, dag_id: str, run_id: str, map_index: int | None = None, task_id: str = TASK_ID) -> None:
        """Open the task instance's page, and click on the tab."""
        mapped = "" if map_index is None else f"/mapped/{map_index}"
        self.visitor.go(f"dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}{mapped}")
        self.visitor.page.get_by_role("link", name="Video", exact=True).click()

    def open_all(self, dag_id: str, run_id: str) -> None:
        """Open the grid of a mapped task with the link on the page of one instance."""
        self.open(dag_id, run_id, map_index=0)
        self.frame.get_by_role("link", name="All videos of this mapped task").click()
        self.tiles.first.wait_for()


def wait_until_video_plays(video: Locator) -> None:
    """Wait until a video has played for half a second."""
    handle = video.element_handle()
    frame = handle.owner_frame()
    assert frame is not None
    frame.wait_for_function("video => !video.paused && video.currentTime > 0.5", arg=handle)
