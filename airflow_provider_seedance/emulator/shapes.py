"""
Shapes: answers of the service, and of gateways before it, that differ from GPTProto's page, by name.

Sources: public reports about services and gateways of this family. One table, :data:`SHAPES`, for markers in a prompt,
for fault plans and for the documentation. Pure data and functions, without HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Json = dict[str, Any]
#: From the code and the message of an error to the fields that hold them.
Form = Callable[[str, str], Json]

_IN_PROGRESS = frozenset(["created", "queued", "running"])
_SUCCEEDED = frozenset(["succeeded"])
_INTERNAL = ("InternalServiceError", "The service encountered an unexpected internal error.")
_TOLERATED = "nothing about the prediction: the wait goes on"
_UNCONFIRMED = "unconfirmed: it is unknown whether the submission was accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    One answer.

    :param means: What it means, for the documentation.
    :param body: From the service's own envelope to the body; text is sent as an HTML page.
    :param status: HTTP status.
    :param headers: Additional headers.
    :param on: The request that it answers.
    :param when: Statuses of the prediction to which it applies; ``None`` for all.
    :param ends: How a prediction ends whose prompt has the marker.
    :param replaces: It replaces the whole answer. A submission that is answered so is not booked.
    :param books: It replaces the answer to a submission that is booked.
    :param new_id: From 32 hex characters to the id of the booked prediction.
    """

    means: str
    body: Callable[[Json], Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    on: Literal["submit", "result", "both"] = "both"
    when: frozenset[str] | None = None
    ends: Literal["failed", "expired"] | None = None
    replaces: bool = False
    books: bool = False
    new_id: Callable[[str], str] = str

    @property
    def refuses(self) -> bool:
        """Whether a submission that is answered so is not executed."""
        return self.replaces and not self.books

    def answers(self, endpoint: str) -> bool:
        """Return whether it can answer a request to an endpoint."""
        return self.on == endpoint or (self.on == "both" and endpoint in ("submit", "result"))

    def fits(self, status: str | None) -> bool:
        """Return whether it applies to a prediction with this status; ``None`` before there is one."""
        return self.when is None or status in self.when


def _page(status: int) -> str:
    return f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>"


def _with_data(content: Json, **changes: Any) -> Json:
    return {**content, "data": {**content["data"], **changes}}


def _changed(**changes: Any) -> Callable[[Json], Json]:
    return lambda content: _with_data(content, **changes)


def _renamed(names: Mapping[str, str], content: Json) -> Json:
    return {**content, "data": {names.get(name, name): value for name, value in content["data"].items()}}


def _wrapped(content: Json) -> Json:
    """Return the prediction as the field ``output``, with an id of the HTTP request beside it."""
    names = {"id": "task_id", "status": "task_status", "outputs": "results"}
    return {"request_id": "req-1", "output": _renamed(names, content)["data"]}


def _reply(means: str, body: Any, status: int = 200, **rest: Any) -> Shape:
    return Shape(means=means, body=lambda _: body, status=status, replaces=True, **rest)


def _ended(means: str, status: str = "failed", **fields: Any) -> Shape:
    ending: Literal["failed", "expired"] = "expired" if status == "expired" else "failed"
    changes = {"status": status, "outputs": [], "has_nsfw_contents": [], **fields}
    return Shape(means=means, body=_changed(**changes), ends=ending)


def _success(change: Callable[[list[str]], Json]) -> Shape:
    """Return a success with the links in other fields of ``data`` than ``outputs``."""

    def body(content: Json) -> Json:
        data = {name: value for name, value in content["data"].items() if name != "outputs"}
        return {**content, "data": {**data, **change(content["data"]["outputs"])}}

    return Shape(means="done", body=body, on="result", when=_SUCCEEDED)


def _id(change: Callable[[str], Json], new_id: Callable[[str], str] = str, **envelope: Any) -> Shape:
    """Return an answer with the id in these fields of ``data``."""

    def body(content: Json) -> Json:
        data = {name: value for name, value in content["data"].items() if name not in ("id", "urls")}
        return {**content, **envelope, "data": {**change(content["data"]["id"]), **data}}

    return Shape(means="submitted", body=body, new_id=new_id)


def _code(code: int | str, status: int = 200) -> Shape:
    return Shape(means="submitted; done", body=lambda content: {**content, "code": code}, status=status)


def _word(word: str) -> Shape:
    return Shape(means="in progress", body=_changed(status=word), when=_IN_PROGRESS)


def _done(word: str) -> Shape:
    return Shape(means="done", body=_changed(status=word), on="result", when=_SUCCEEDED)


def _created(change: Callable[[datetime], Any]) -> Shape:
    def body(content: Json) -> Json:
        created = datetime.fromisoformat(content["data"]["created_at"]).replace(tzinfo=UTC)
        return _with_data(content, created_at=change(created))

    return Shape(means="the time of the submission", body=body)


def _flags(means: str, value: Any) -> Shape:
    return Shape(means=means, body=_changed(has_nsfw_contents=value), on="result", when=_SUCCEEDED)


def _other(status: str) -> Callable[[Json], Json]:
    """Return an answer about a prediction that was not asked for."""
    other, outputs = "0" * 31 + "b", ["https://elsewhere.example/other.mp4"] if status == "succeeded" else []
    return lambda content: {**content, "data": {"id": other, "status": status, "outputs": outputs}}


#: Where an error stands in a body.
FORMS: Mapping[str, Form] = {
    "text": lambda code, message: {"error": message},
    "object": lambda code, message: {"error": {"message": message, "code": code}},
    "list": lambda code, message: {"error": [{"message": message, "code": code}]},
    "nested": lambda code, message: {"error": {"error": {"message": message, "code": code}}},
    "json-text": lambda code, message: {"error": json.dumps({"message": message, "code": code})},
    "msg": lambda code, message: {"msg": message},
    "detail": lambda code, message: {"detail": [{"loc": ["body", "duration"], "msg": message}]},
    "errors": lambda code, message: {"errors": [{"code": code, "message": message}]},
    "error-msg": lambda code, message: {"error_msg": message},
    "fail-reason": lambda code, message: {"fail_reason": message},
    "response-metadata": lambda code, message: {"ResponseMetadata": {"Error": {"Code": code, "Message": message}}},
    "code-only": lambda code, message: {"error": {"code": code, "message": ""}},
}

_CONTENT, _SOUND = "content policy", "content policy, caused by the sound"
_ARGUMENTS, _BALANCE = "arguments refused", "balance"
_CAPACITY, _CHECK = "no capacity", "a passing fault of the service, no verdict on the content"
#: Reasons of a refusal or a failure: meaning, code, message, and the HTTP status of a refused submission.
REASONS: Mapping[str, tuple[str, str, str, int]] = {
    "sensitive": (_CONTENT, "", "the request may contain sensitive information", 400),
    "real-person": (_CONTENT, "", "the input image may contain real person", 400),
    "copyright": (_CONTENT, "", "the request may be related to copyright restrictions", 400),
    "rules": (_CONTENT, "", "the content may violate platform rules", 400),
    "flagged": (_CONTENT, "", "the prompt was flagged as sexual", 400),
    "sensitive-code": (_CONTENT, "InputTextSensitiveContentDetected", "refused", 400),
    "safety-code": (_CONTENT, "SAFETY.INPUT.TEXT", "refused", 400),
    "audit-code": (_CONTENT, "AuditSubmitIllegal", "", 400),
    "risk-code": (_CONTENT, "InputTextRiskDetection", "text refused", 400),
    "chinese-sensitive": (_CONTENT, "", "提示词包含敏感内容", 400),
    "chinese-violation": (_CONTENT, "", "内容违规", 400),
    "chinese-review": (_CONTENT, "", "内容审核未通过", 400),
    "chinese-copyright": (_CONTENT, "", "涉及版权", 400),
    "sound": (_SOUND, "", "output audio may contain sensitive information", 400),
    "sound-copyright": (_SOUND, "", "output audio may be related to copyright restrictions", 400),
    "sound-code": (_SOUND, "OutputAudioSensitiveContentDetected", "refused", 400),
    "arguments": (_ARGUMENTS, "InvalidParameter", "the parameter ratio is not valid", 400),
    "arguments-constraint": (_ARGUMENTS, "InvalidParameter.TaskTypeConstraint", "duration must be -1", 400),
    "arguments-mixed": (_ARGUMENTS, "", "first/last frame content cannot be mixed with reference media content", 400),
    "arguments-mismatch": (_ARGUMENTS, "InvalidParameter.TaskTypeMismatch", "the prompt asks for an edit", 400),
    "chinese-arguments": (_ARGUMENTS, "", "参数错误: duration", 400),
    "quota": (_BALANCE, "insufficient_user_quota", "预扣费额度失败", 403),
    "overdue": (_BALANCE, "AccountOverdueError", "the account is overdue", 403),
    "balance": (_BALANCE, "", "insufficient balance", 403),
    "chinese-overdue": (_BALANCE, "", "账户欠费", 403),
    "chinese-points": (_BALANCE, "", "积分不足", 403),
    "check-failed": (_CHECK, "ContentSecurityDetectionError", "Internal error", 400),
}
_FAULTS = ("check-failed",)
_QUOTA = {"error": {"code": "insufficient_quota", "message": "you exceeded your current quota"}}
_NO_CHANNEL = "no available channel for this model"
#: Answers without capacity: body and HTTP status.
_NO_CAPACITY: Mapping[str, tuple[Json, int]] = {
    "capacity-200": ({"code": 503, "message": _NO_CHANNEL}, 200),
    "capacity-400": ({"code": "503", "message": _NO_CHANNEL}, 400),
    "capacity-503": ({"error": {"code": "model_overloaded", "message": "the model is overloaded"}}, 503),
    "capacity-429": ({"error": {"code": "ServerOverloaded", "message": "the server is overloaded"}}, 429),
    "unavailable-200": ({"code": 503, "message": "Service Unavailable"}, 200),
}
#: Refusals to return the result of a generation that is not over, by HTTP status.
_NOT_OVER = {400: "Task is not completed yet, current status: NOT_START", 404: "Video is not ready yet"}
#: What Cloudflare answers to clients that are no browsers.
_CLOUDFLARE = "error code: 1010"
_LOGIN = {"Location": "https://login.example/"}

#: All shapes by name.
SHAPES: Mapping[str, Shape] = {
    # The envelope.
    "list-data": Shape(means="submitted; done", body=lambda content: {**content, "data": [content["data"]]}),
    "text-data": Shape(means="submitted; done", body=lambda content: {**content, "data": json.dumps(content["data"])}),
    "top-level": Shape(means="submitted; done", body=lambda content: dict(content["data"])),
    "wrapped": Shape(means="submitted; done", body=_wrapped),
    "camel-case": Shape(
        means="submitted; done",
        body=lambda content: _renamed({"created_at": "createdAt", "has_nsfw_contents": "hasNsfwContents"}, content),
    ),
    "urls-list": Shape(
        means="submitted; done", body=lambda content: _with_data(content, urls=[content["data"]["urls"]])
    ),
    "http-201": Shape(means="submitted", body=lambda content: {**content, "code": 201}, status=201, on="submit"),
    "http-202": Shape(means="submitted", body=lambda content: {**content, "code": 202}, status=202, on="submit"),
    "code-0": _code(0),
    "code-201": _code(201),
    "code-202": _code(202),
    "code-200-text": _code("200"),
    "code-success": _code("success"),
    # Ids.
    "id-only": Shape(means="submitted", body=lambda content: {"id": content["data"]["id"]}, on="submit"),
    "id-cgt": Shape(
        means="submitted",
        body=lambda content: {"id": content["data"]["id"]},
        on="submit",
        new_id=lambda text: f"cgt-20260101000000-{text[:12]}",
    ),
    "id-colon": _id(lambda each: {"id": each}, lambda text: f"seedance:task_{text[:12]}"),
    "id-integer": _id(
        lambda each: {"id": int(each) if each.isdigit() else each}, lambda text: str(1 + int(text[:12], 16))
    ),
    "id-beside-task-id": _id(
        lambda each: {"id": 123, "task_id": each}, lambda text: f"task_{text[:12]}", code="success"
    ),
    "task-id": _id(lambda each: {"task_id": each}, lambda text: f"task_{text[:12]}"),
    "result-id": _id(lambda each: {"result_id": each}),
    "task-id-top": Shape(
        means="submitted", body=lambda content: {"code": 200, "task_id": content["data"]["id"]}, on="submit"
    ),
    "request-id-beside": _id(lambda each: {"request_id": "req-1", "id": each}),
    # Where the links are.
    "outputs-objects": _success(lambda urls: {"outputs": [{"url": each} for each in urls]}),
    "output-text": _success(lambda urls: {"output": urls[0]}),
    "output-list": _success(lambda urls: {"output": urls}),
    "output-object": _success(lambda urls: {"output": {"video_url": urls[0]}}),
    "content-video-url": _success(lambda urls: {"content": {"video_url": urls[0]}}),
    "result-url": _success(lambda urls: {"result_url": urls[0]}),
    "unsigned-urls": _success(lambda urls: {"unsigned_urls": urls}),
    "fail-reason-url": _success(lambda urls: {"fail_reason": urls[0]}),
    "delivered-500": Shape(
        means="done",
        body=lambda content: {**content, "code": 500, "message": "internal server error"},
        status=500,
        on="result",
        when=_SUCCEEDED,
    ),
    "empty-outputs": Shape(
        means="failed, once it was seen repeatedly",
        body=_changed(outputs=[], has_nsfw_contents=[]),
        on="result",
        when=_SUCCEEDED,
    ),
    # Words for a status.
    **{
        f"status-{word.lower().replace('_', '-')}": _word(word)
        for word in ("SUBMITTED", "NOT_START", "IN_QUEUE", "GENERATING", "pending", "processing", "starting")
    },
    "status-in-progress": _word("in_progress"),
    "unknown-status": Shape(means="in progress", body=_changed(status="warming_up", outputs=[])),
    **{f"status-{word.lower()}": _done(word) for word in ("SUCCEED", "SUCCESS", "completed", "FINISHED", "DONE")},
    **{
        f"status-{word.lower()}": _ended("failed, once it was seen repeatedly", word)
        for word in ("FAILURE", "FAIL", "canceled", "cancelled", "error", "timeout")
    },
    # A failed prediction, and an answer that wrongly says so.
    "failed": _ended("failed, once it was seen repeatedly", error={"message": _INTERNAL[1], "code": _INTERNAL[0]}),
    "string-error": _ended("failed, once it was seen repeatedly", error=_INTERNAL[1]),
    "expired": _ended(
        "expired, once it was seen repeatedly", "expired", error="The prediction expired before it was finished."
    ),
    "failed-wrapped": Shape(
        means="failed, once it was seen repeatedly",
        body=lambda content: _wrapped(_with_data(content, status="failed", outputs=[], error=_INTERNAL[1])),
        ends="failed",
    ),
    "failed-500": Shape(
        means="failed, once it was seen repeatedly",
        body=lambda content: {**_with_data(content, status="failed", outputs=[], error=_INTERNAL[1]), "code": 500},
        status=500,
        on="result",
        ends="failed",
    ),
    **{
        f"failed-{name}": _ended("failed, once it was seen repeatedly", **form(*_INTERNAL))
        for name, form in FORMS.items()
        if name not in ("text", "object")
    },
    **{
        f"failed-{name}": _ended(
            "failed, once it was seen repeatedly" if name in _FAULTS else means,
            error={"code": code, "message": message},
        )
        for name, (means, code, message, _) in REASONS.items()
    },
    # A refused submission.
    **{
        f"refused-{name}": _reply(
            _ARGUMENTS, form("InvalidParameter.duration", "duration must be 4-15"), 400, on="submit"
        )
        for name, form in FORMS.items()
    },
    **{
        f"refused-{name}": _reply(means, {"error": {"code": code, "message": message}}, status, on="submit")
        for name, (means, code, message, status) in REASONS.items()
    },
    "refused-200": _reply(_BALANCE, {"success": False, "message": "insufficient balance"}, on="submit"),
    "refused-402": _reply(_BALANCE, {"error": {"message": "Payment Required"}}, 402, on="submit"),
    "refused-429": _reply(_BALANCE, _QUOTA, 429, on="submit"),
    "refused-firewall": _reply("a gateway's refusal, not the service's", _CLOUDFLARE, 403, on="submit"),
    "refused-413": _reply("the request is too large", _page(413), 413, on="submit"),
    **{
        f"refused-{name}": _reply(_CAPACITY, body, status, on="submit") for name, (body, status) in _NO_CAPACITY.items()
    },
    # Nothing is known about the submission.
    **{
        f"{prefix}-{status}": _reply(_UNCONFIRMED, {"error": {"message": "upstream"}}, status, on="submit", books=books)
        for status in (499, 424, 408, 425)
        for prefix, books in (("lost", False), ("lost-booked", True))
    },
    "lost-unreadable": _reply(_UNCONFIRMED, {"hello": "world"}, on="submit", books=True),
    "lost-with-id": Shape(
        means="unconfirmed, with the id: the task goes on with it",
        body=lambda content: {"code": 500, "message": "timeout", "data": {"task_id": content["data"]["id"]}},
        on="submit",
        replaces=True,
        books=True,
    ),
    "code-500": _reply(
        "a fault of the service: unconfirmed, or a poll that is repeated",
        {"data": None, "message": "internal server error", "code": 500},
    ),
    # Answers to polls that are not about the prediction.
    **{
        f"poll-page-{status}": _reply(_TOLERATED, _page(status), status, on="result")
        for status in (401, 403, 404, 407, 451, *range(520, 527))
    },
    "poll-firewall": _reply(_TOLERATED, _CLOUDFLARE, 403, on="result"),
    "poll-login-302": _reply(_TOLERATED, "", 302, on="result", headers=_LOGIN),
    **{f"poll-{name}": _reply(_TOLERATED, body, status, on="result") for name, (body, status) in _NO_CAPACITY.items()},
    "poll-unknown": _reply(
        "unknown, once it was seen repeatedly", {"error": {"message": "task not found"}}, 404, on="result"
    ),
    **{
        f"poll-not-over-{status}": _reply(_TOLERATED, {"error": {"message": words}}, status, on="result")
        for status, words in _NOT_OVER.items()
    },
    "poll-other-id": Shape(means=_TOLERATED, body=_other("succeeded"), on="result"),
    "poll-other-id-failed": Shape(means=_TOLERATED, body=_other("failed"), on="result"),
    # Forms of the time and of the flags.
    "created-seconds": _created(lambda created: int(created.timestamp())),
    "created-milliseconds": _created(lambda created: int(created.timestamp() * 1000)),
    "created-text": _created(lambda created: str(int(created.timestamp()))),
    "created-nanoseconds": _created(lambda created: f"{created:%Y-%m-%dT%H:%M:%S}.000000000Z"),
    "nsfw": _flags("done, flagged", [True]),
    "nsfw-lists": _flags("done, not flagged", [["false"]]),
    "nsfw-flagged-lists": _flags("done, flagged", [["true"]]),
    "nsfw-text": _flags("done, not flagged", "False"),
    "nsfw-null": _flags("done, not flagged", None),
}
