"""
Responses in the words of other video services and of gateways to them, each from a public report or a service's manual.

GPTProto passes the answers of many services on, so their words can reach a task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.gptproto.answers import DONE, ID, VIDEO, Case, Meaning, data, named

#: A refusal of the content, and codes of it without a sentence: https://docs.dev.runwayml.com/errors/task-failures/
#: ("You should not retry these generations"), Vidu's and DashScope's lists of error codes.
_CONTENT = (
    {"failure": "Content was moderated", "failureCode": "SAFETY.INPUT.TEXT"},
    {"failure": "", "failureCode": "SAFETY.OUTPUT.VIDEO"},
    {"err_code": "AuditSubmitIllegal"},
    {"error": {"code": "DataInspectionFailed", "message": ""}},
)
#: Refusals of the arguments: https://blog.segmind.com/seedance-2-0-error-guide-every-error-explained-with-fixes/,
#: https://docs.evolink.ai/en/api-manual/task-management/error-codes, and Vidu's list.
_ARGUMENTS = (
    "first/last frame content cannot be mixed with reference media content",
    "first_frame and reference_images cannot be used together",
    "image_dimension_mismatch",
    "ImageDownloadFailure",
)

SUBMISSIONS = [
    *(Case(f"content refused: {fields}", "content", fields, 400) for fields in _CONTENT),
    *(Case(f"arguments refused: {words}", "arguments", {"error": words}, 400, says=(words,)) for words in _ARGUMENTS),
    # Cloudflare's refusal read as one of the key, or as an empty wallet:
    # https://github.com/cth9191/higgsfield-api-skill/issues/1, https://github.com/OpenAgentsInc/openagents/issues/4721.
    *(
        Case(f"Cloudflare {code}", "gateway", f"error code: {code}", 403, says=(f"error code: {code}", "firewall"))
        for code in (1006, 1010, 1020)
    ),
    Case("Cloudflare without an origin", "unconfirmed", "error code: 524", 524),
]

#: Refusals to return the result of a generation that is not over: https://github.com/ArcReel/ArcReel/pull/410,
#: https://github.com/BerriAI/litellm/pull/32602. These generations were delivered in the end.
_NOT_OVER = (
    "Task is not completed yet, current status: NOT_START",
    "Video is not ready yet. Its status is in_progress.",
    "Request is still in progress",
    "The task is being processed",
    "No video yet, the task is still processing",
    "任务尚未完成",
    "视频生成中",
)

#: Words about the progress of a generation that is over or unknown.
_OVER = (
    "Task does not exist, or has not started yet",
    "Task not found or not ready",
    "Task expired: not completed within 48 hours",
    "Task cancelled: not started yet",
    "The generation is not completed yet, because an upstream error occurred",
    "任务失败,未完成",
    "图片处理中出错,任务失败",
    "任务不存在或排队中",
    "Task doesn't exist, or it is still processing",
    "The task was stopped while it was still running",
    "任务已被删除, 处理中",
)

#: A prediction that stands in an object of its own, without ``data``: DashScope's ``output``, MiniMax's ``task``.
#: https://github.com/modelstudioai/cli/pull/199, https://github.com/openclaw/openclaw/pull/117303.
_WRAPPERS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (
    lambda fields: {"request_id": "r-1", "output": {"task_id": ID, **fields}},
    lambda fields: {"code": 200, "status": "success", "task": {"id": ID, **fields}},
)
_WRAPPED: tuple[tuple[str, Meaning, dict[str, Any]], ...] = (
    ("in progress", "in progress", {"task_status": "RUNNING"}),
    ("delivered", "done", {"task_status": "SUCCEEDED", "video_url": VIDEO}),
    ("failed", "failed", {"status": "FAILED", "code": "InternalError.Timeout", "message": "An internal timeout"}),
    ("refused", "content", {"status": "failed", "code": "DataInspectionFailed", "message": "inappropriate content"}),
)
_OTHER = {"id": "b2", "status": "failed"}

POLLS = [
    *(Case(f"content refused: {fields}", "content", data("failed", **fields)) for fields in _CONTENT),
    *(Case(f"arguments refused: {words}", "arguments", data("failed", error=words)) for words in _ARGUMENTS),
    # Runway advises to try such a generation again.
    Case(
        "quality of the output",
        "failed",
        data("FAILED", failure="An unexpected error occurred", failureCode="INTERNAL.BAD_OUTPUT.CODE01"),
        says=("INTERNAL.BAD_OUTPUT.CODE01",),
    ),
    *(
        Case(
            f"not over, with {status}: {words}",
            "done",
            {"error": {"message": words, "type": "invalid_request_error"}},
            status,
            times=20,
        )
        for words in _NOT_OVER
        for status in (400, 404, 422)
    ),
    Case("unknown, with a word about progress", "unknown", {"message": "no task in progress has this id"}, 404),
    *(
        Case(f"over, with a word about progress: {words}", "unknown", {"error": {"message": words}}, 404)
        for words in _OVER
    ),
    *(Case(f"Cloudflare {code}", "done", f"error code: {code}", 403, times=20) for code in (1010, 1020)),
    # New API and its forks, in an answer to a poll: https://github.com/QuantumNous/new-api/pull/2640.
    Case("link in fail_reason", "done", data("SUCCESS", fail_reason=VIDEO, progress="100%"), values=DONE),
    Case("link in the reason of a failure", "failed", data("FAILURE", fail_reason=VIDEO), says=(VIDEO,)),
    *(Case(f"wrapped, {name}", means, wrap(fields)) for name, means, fields in _WRAPPED for wrap in _WRAPPERS),
    Case("own status beside a wrapped one", "in progress", {**named(ID), "state": "running", "result": _OTHER}),
    # https://github.com/theopenco/llmgateway/pull/3506: a step behind the delivery failed, and each poll with it.
    *(
        Case(
            f"delivered in an error envelope with {status}",
            "done",
            {**data("succeeded", outputs=[VIDEO]), "code": 500, "message": "internal error"},
            status,
            values=DONE,
        )
        for status in (200, 500)
    ),
    Case(
        "delivered under an unknown code",
        "done",
        {"code": 100, "data": {"id": ID, "status": "completed", "video_url": VIDEO}, "message": "Success"},
        values=DONE,
    ),
    Case(
        "delivery of another prediction in an error envelope",
        "done",
        {"code": 500, "data": {"id": "b2", "status": "succeeded", "outputs": ["https://cdn.example/other.mp4"]}},
        500,
        times=20,
    ),
]
