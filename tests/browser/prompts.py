"""Prompts and folders of the DAGs; the words in brackets make the emulator fail the generation."""

from __future__ import annotations

#: The DAG that is hidden from the restricted viewer.
HIDDEN_DAG = "private_video"

#: The DAG whose prices the tests add up, and its mapped tasks, named after what they do when they are cleared.
PAID_DAG = "paid_videos"
PAID_TASKS = ("reuse", "regenerate")
#: The DAG of which the tests make an archive, and the prompt of its generation.
ARCHIVE_DAG = "archived_videos"
ARCHIVE_PROMPT = "Archive: the harbour of a small town"
#: The folder of ``signed_video``, in a bucket of the S3 server.
S3_FOLDER = "s3://media_s3@media/videos"

PROMPTS = {
    "one_video": "A paper boat sails down a rainy street at dusk, close to the water, reflections of shop windows.",
    "stored_video": "A lighthouse in the evening light",
    "signed_video": "A lighthouse in the morning light",
    "script_video": "<script>document.title='owned'</script><img src=x onerror=\"alert('owned')\"> a lighthouse",
    "refused_video": "Something that no service draws [policy]",
    "failed_video": "Something that this service draws and then does not show [policy-late]",
    "slow_video": "A snail crosses the road.",
    HIDDEN_DAG: "A product that nobody has seen yet.",
    "chosen_connection": "A kite above the dunes.",
}


def postcard(number: int) -> str:
    """Return one of the prompts of the mapped task."""
    return f"Postcard {number}: waves at dawn"


def paid_prompts(task_id: str) -> list[str]:
    """Return the prompts of a mapped task; of each six, one has a marker of the emulator."""
    markers = {3: " [fail]", 9: " [policy-late]", 15: " [policy]", 21: " [nsfw]", 27: " [fail]"}
    return [f"Paid {task_id} {number}: rain on a window{markers.get(number, '')}" for number in range(30)]
