"""Responses in the forms of public reports about the service and the gateways before it, and what each one means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

ID = "a1"
VIDEO = "https://cdn.example/v.mp4"
CREATED = datetime(2025, 12, 25, 11, 53, 53, tzinfo=UTC)
LOGIN = {"location": "https://login.example/"}

Meaning = Literal[
    # Errors.
    "content",
    "sound",
    "arguments",
    "balance",
    "gateway",
    "fault",
    "capacity",
    "unconfirmed",
    "failed",
    "unknown",
    # Results.
    "submitted",
    "done",
    "in progress",
]


@dataclass(frozen=True)
class Case:
    """
    A response.

    :param name: What is special about it.
    :param means: Its meaning.
    :param body: Text is sent unchanged, any other value as JSON.
    :param times: Number of such responses, before a success with ``VIDEO``; ``None``: all responses.
    :param says: Parts of the error.
    :param values: Attributes of the prediction.
    """

    name: str
    means: Meaning
    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    says: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def data(status: str, **values: Any) -> dict[str, Any]:
    """Return a result in the envelope of the page."""
    return {"code": 200, "data": {"id": ID, "status": status, **values}}


def failed(error: object, **values: Any) -> dict[str, Any]:
    return data("failed", outputs=[], error=error, **values)


def named(prediction_id: str) -> dict[str, str]:
    return {"id": prediction_id}


def page(title: str) -> str:
    return f"<html><head><title>{title}</title></head></html>"


DONE = {"outputs": (VIDEO,)}
AUDIO_OFF = ("generate_audio=false",)
RAW_CODE = '{"error": {"code": "OutputAudioSensitiveContentDetected", "message": "refused"}}'

#: Responses to a submission.
SUBMISSIONS = [
    Case(
        "person in a photo",
        "content",
        {"error": {"message": "the input image may contain real person", "type": "BadRequest"}},
        400,
    ),
    Case("policy as on the page", "content", {"code": 503, "message": "Content policy violation"}, 400),
    Case("Chinese verdict", "content", {"error": {"message": "提示词包含敏感内容"}}, 400),
    Case("policy in a 200", "content", {"success": False, "message": "this may violate platform rules"}),
    Case("verdict in errors", "content", {"errors": [{"msg": "prompt flagged as sexual"}]}, 422, says=("flagged as",)),
    Case(
        "moderation failed",
        "fault",
        {"error": {"code": "ContentSecurityDetectionError", "message": "Internal error"}},
        400,
    ),
    Case("moderation timeout", "fault", {"message": "content moderation service timed out"}, 400),
    Case("Chinese moderation failure", "fault", {"error": "审核服务异常"}, 400),
    Case("moderation unavailable", "fault", {"msg": "moderation service temporarily unavailable"}, 400),
    Case("reason in msg", "arguments", {"code": 400, "msg": "duration must be 4-15"}, 400, says=("must be 4-15",)),
    Case(
        "reason in detail",
        "arguments",
        {"detail": [{"loc": ["body", "duration"], "msg": "not a number"}]},
        422,
        says=("duration", "not a number"),
    ),
    Case(
        "code without message",
        "arguments",
        {"error": {"code": "InvalidParameter.ratio", "message": ""}},
        400,
        says=("InvalidParameter.ratio",),
    ),
    Case(
        "reason in ResponseMetadata",
        "arguments",
        {"ResponseMetadata": {"Error": {"Code": "InvalidParameter", "Message": "no such ratio"}}},
        400,
        says=("InvalidParameter", "no such ratio"),
    ),
    Case("reason in error_msg", "arguments", {"error_msg": "ratio 5:1"}, 400, says=("ratio 5:1",)),
    Case("reason in JSON text", "arguments", {"error": '{"message": "seed: too big"}'}, 400, says=("seed: too big",)),
    Case("page for 413", "arguments", page("413 Request Entity Too Large"), 413, says=("too large",)),
    Case("empty 413", "arguments", "", 413, says=("too large", "smaller")),
    Case("JSON 413", "arguments", {"error": "payload exceeds 64 MB"}, 413, says=("too large", "64 MB")),
    Case("page of a firewall", "gateway", page("Attention"), 403, says=("gateway", "Attention")),
    Case("page of a proxy", "gateway", page("Proxy Authentication"), 407, says=("gateway",)),
    Case("page of a login", "gateway", page("Sign in"), 401, says=("gateway",)),
    Case("page of a censor", "gateway", page("Unavailable"), 451, says=("gateway",)),
    Case(
        "quota in a 403",
        "balance",
        {"error": {"code": "insufficient_user_quota", "message": "预扣费额度失败"}},
        403,
    ),
    Case(
        "quota in a 429",
        "balance",
        {"error": {"code": "insufficient_quota", "message": "you exceeded your current quota"}},
        429,
    ),
    Case(
        "balance in a 200", "balance", {"success": False, "message": "insufficient balance"}, says=("insufficient b",)
    ),
    Case("empty 402", "balance", "", 402),
    Case("overdue account in a 429", "balance", {"error": {"code": "AccountOverdueError"}}, 429),
    Case("Chinese balance in a 200", "balance", {"code": 403, "message": "账户欠费"}),
    Case("no channel in a 200", "capacity", {"code": 503, "message": "no available channel for this model"}),
    Case("no channel in a 400", "capacity", {"code": "503", "message": "no available channel"}, 400),
    Case("overload in a 429", "capacity", {"error": {"code": "ServerOverloaded"}}, 429),
    Case("overload in a 503", "capacity", {"error": {"code": "model_overloaded"}}, 503),
    Case("unknown JSON", "unconfirmed", {"hello": "world"}, says=("hello",)),
    Case("list", "unconfirmed", ["accepted"], says=("accepted",)),
    Case("text", "unconfirmed", "accepted", says=("accepted",)),
    Case("text in data", "unconfirmed", {"code": 200, "data": "wait"}, says=("wait",)),
    Case("client closed request", "unconfirmed", "", 499),
    Case("failed dependency", "unconfirmed", {"error": {"message": "upstream"}}, 424, says=("upstream",)),
    Case("request timeout", "unconfirmed", page("408 Request Time-out"), 408),
    Case("too early", "unconfirmed", {"message": "replay"}, 425),
    Case("balance in a 500", "unconfirmed", {"error": "insufficient balance"}, 500, says=("insufficient balance",)),
    Case("verdict in a 502", "unconfirmed", {"error": "InputTextRiskDetection"}, 502, says=("InputTextRisk",)),
    Case("page for 524", "unconfirmed", page("A timeout occurred"), 524),
    Case("id in an error", "unconfirmed", {"code": 500, "data": {"task_id": "t-7"}}, says=("t-7",)),
    Case(
        "id in a 400 without capacity",
        "unconfirmed",
        {"code": "503", "message": "no available channel", "data": {"id": "t-8"}},
        400,
        says=("t-8",),
    ),
    Case(
        "id in a 400 of a failed check",
        "unconfirmed",
        {"error": "ContentSecurityDetectionError", "task_id": "t-9", "status": "failed"},
        400,
        says=("t-9",),
    ),
    Case("id at the top", "submitted", {"id": "cgt-20260101000000-abcde"}, values=named("cgt-20260101000000-abcde")),
    Case(
        "integer beside task_id",
        "submitted",
        {"code": "success", "data": {"id": 123, "task_id": "task_9f"}},
        values=named("task_9f"),
    ),
    Case(
        "code 201",
        "submitted",
        {"code": 201, "message": "created", "data": {"id": ID, "status": "queued"}},
        201,
        values=named(ID),
    ),
    Case(
        "task_id in output",
        "submitted",
        {"request_id": "r-1", "output": {"task_id": "t-9", "task_status": "PENDING"}},
        values=named("t-9"),
    ),
    Case("request_id alone", "submitted", {"data": {"request_id": "r-2"}}, values=named("r-2")),
    Case("integer id", "submitted", {"code": 0, "data": {"id": 4711}}, values=named("4711")),
    Case("task_id at the top", "submitted", {"code": "202", "task_id": "task_1"}, 202, values=named("task_1")),
    Case("camelCase id", "submitted", {"code": "success", "data": {"taskId": "t-2"}}, values=named("t-2")),
    Case("data as JSON text", "submitted", {"code": "200", "data": '{"result_id": "r-3"}'}, values=named("r-3")),
]

#: Responses to a poll for the prediction ``a1``.
POLLS = [
    Case("sound refused", "sound", failed("output audio may contain sensitive information"), says=AUDIO_OFF),
    Case(
        "sound and copyright", "sound", failed({"message": "Output audio may be related to copyright"}), says=AUDIO_OFF
    ),
    Case("sound code in JSON text", "sound", failed(RAW_CODE), says=(*AUDIO_OFF, "OutputAudioSensitive")),
    Case("sound in fail_reason", "sound", data("FAILURE", fail_reason="generated audio was blocked"), says=AUDIO_OFF),
    Case(
        "picture refused",
        "content",
        failed({"message": "the output video may contain sensitive information", "code": ""}),
    ),
    Case("Chinese verdict", "content", failed("内容审核未通过")),
    Case(
        "list of errors",
        "content",
        failed([{"code": "OutputVideoSensitiveContentDetected", "message": "refused"}]),
        says=("OutputVideoSensitiveContentDetected",),
    ),
    Case(
        "error in an error",
        "content",
        failed({"error": {"code": "InputTextRiskDetection", "message": "text refused"}}),
        says=("text refused",),
    ),
    Case("copyright", "content", failed(["the request may be related to copyright restrictions"])),
    Case("Chinese copyright", "content", data("fail", error={"errors": [{"msg": "涉及版权"}]}), says=("涉及版权",)),
    Case("platform rules", "content", data("failed", fail_reason="may violate platform rules")),
    Case("verdict far behind", "content", failed(f"{'x ' * 900}SensitiveContentDetected")),
    Case(
        "constraint of arguments",
        "arguments",
        failed({"code": "InvalidParameter.TaskTypeConstraint", "message": "duration must be -1"}),
        says=("duration must be -1",),
    ),
    Case("mismatch of arguments", "arguments", failed("InvalidParameter.TaskTypeMismatch"), says=("TaskTypeMismatch",)),
    Case("arguments in a 400", "arguments", failed("InvalidParameter: image"), 400, says=("image",)),
    Case("Chinese arguments", "arguments", failed({"detail": "参数错误"}), says=("参数错误",)),
    Case("account overdue", "balance", failed({"code": "AccountOverdueError", "message": "the account is overdue"})),
    Case("Chinese credits", "balance", failed("积分不足")),
    Case("overdue as a sentence", "balance", failed("your account is overdue")),
    Case("quota in fail_reason", "balance", data("fail", fail_reason="insufficient_user_quota")),
    Case("FAILURE", "failed", data("FAILURE", outputs=[])),
    Case("fail", "failed", data("fail", outputs=[])),
    Case("failed in a 500", "failed", {**failed("generation failed"), "code": 500}, 500, says=("generation failed",)),
    Case("failed in code 500", "failed", {**failed("out of memory"), "code": 500}, says=("out of memory",)),
    Case("check failed", "failed", failed("ContentSecurityDetectionError"), says=("ContentSecurityDetectionError",)),
    Case("overload", "failed", failed("ServerOverloaded"), says=("ServerOverloaded",)),
    Case("refund of credits", "failed", failed("生成失败,积分已退还"), says=("生成失败",)),
    Case("SUBMITTED", "in progress", data("SUBMITTED", outputs=[])),
    Case("NOT_START", "in progress", data("NOT_START", outputs=[])),
    Case("IN_QUEUE", "in progress", data("IN_QUEUE")),
    Case("Generating", "in progress", {"data": {"taskId": ID, "taskStatus": "Generating"}}),
    Case("In Progress", "in progress", data("In Progress")),
    Case("service unavailable in a 200", "done", {"code": 503, "message": "Service Unavailable"}, times=20),
    Case("no channel in a 400", "done", {"code": "503", "message": "no available channel"}, 400, times=20),
    Case("overload in a 503", "done", {"error": {"code": "ServerOverloaded"}}, 503, times=20),
    Case("code 502 in a 200", "done", {"code": "502", "msg": "upstream"}, times=20),
    Case("page for 403", "done", "<html><title>Attention</title></html>", 403, times=3),
    *(Case(f"page for {status}", "done", page("Gateway"), status, times=20) for status in (401, 404, 407, 451, 520)),
    Case("login for 302", "done", "", 302, LOGIN, times=2),
    *(Case(f"login for {status}", "done", page("Found"), status, LOGIN, times=20) for status in (302, 303, 307)),
    *(Case(f"{status} without a body", "done", "", status, times=20) for status in (408, 424, 425, 499, 524)),
    Case("one failed", "done", failed(""), times=1),
    Case("one expired", "done", data("expired"), times=1),
    Case("one cancelled", "done", data("cancelled"), times=1),
    Case("two verdicts", "done", failed("OutputVideoSensitiveContentDetected"), times=2),
    Case("two refused arguments", "done", failed("InvalidParameter"), times=2),
    Case("four 404s", "done", {"error": {"message": "task not found"}}, 404, times=4),
    Case("two 401s", "done", {"error": {"message": "invalid key"}}, 401, times=2),
    Case("lasting 404", "unknown", {"error": {"message": "task not found"}}, 404, says=("task not found",)),
    Case("lasting code 404", "unknown", {"code": 404, "data": None, "message": "no such task"}, says=("no such task",)),
    Case("another prediction done", "done", {"data": {"id": "b2", "status": "succeeded", "outputs": ["x"]}}, times=20),
    Case("another prediction failed", "done", {"data": [{"id": "b2", "status": "failed"}]}, times=20),
    Case("another task_id", "done", {"task_id": "b2", "status": "FAILURE"}, times=20),
    Case("another prediction unknown", "done", {**data("failed"), "data": {"id": "b2"}}, times=20),
    Case("succeed", "done", data("succeed", outputs=[VIDEO]), values=DONE),
    Case("FINISHED", "done", data("FINISHED", outputs=[VIDEO]), values=DONE),
    Case("outputs as objects", "done", data("succeeded", outputs=[{"url": VIDEO}]), values=DONE),
    Case("output as an object", "done", data("succeeded", output={"video_url": VIDEO}), values=DONE),
    Case("output as text", "done", data("DONE", output=VIDEO), values=DONE),
    Case("content.video_url", "done", data("succeeded", content={"video_url": VIDEO}), values=DONE),
    Case("result_url", "done", data("SUCCESS", resultUrl=VIDEO), values=DONE),
    Case("unsigned_urls", "done", data("completed", unsigned_urls=[VIDEO]), values=DONE),
    Case("results", "done", data("done", results=[{"url": VIDEO}]), values=DONE),
    Case("repeated request", "done", data("done", videos=["https://a.example/in.mp4"], outputs=[]), times=2),
    Case(
        "repeated content",
        "done",
        data("done", content=[{"type": "video_url", "video_url": {"url": "https://a.example/in.mp4"}}]),
        times=2,
    ),
    Case("no data", "done", {"id": ID, "status": "succeeded", "outputs": [VIDEO]}, values=DONE),
    Case(
        "epoch text",
        "done",
        data("succeeded", outputs=[VIDEO], created_at="1766663633"),
        values={"created_at": CREATED},
    ),
    Case("epoch", "done", data("done", outputs=[VIDEO], created_at=1766663633), values={"created_at": CREATED}),
    Case("epoch ms", "done", data("done", outputs=[VIDEO], createdAt=1766663633000), values={"created_at": CREATED}),
    Case(
        "ISO 8601",
        "done",
        data("done", outputs=[VIDEO], created_at="2025-12-25T11:53:53.000000000Z"),
        values={"created_at": CREATED},
    ),
    Case(
        "flags in lists",
        "done",
        data("succeeded", outputs=[VIDEO], has_nsfw_contents=[["false"]]),
        values={"has_nsfw_contents": (False,)},
    ),
    Case(
        "flag in lists",
        "done",
        data("done", outputs=[VIDEO], has_nsfw_contents=[[False], ["true"]]),
        values={"has_nsfw_contents": (False, True)},
    ),
    Case(
        "flag as text",
        "done",
        data("done", outputs=[VIDEO], hasNsfwContents="False"),
        values={"has_nsfw_contents": (False,)},
    ),
    Case(
        "flags as JSON text",
        "done",
        data("done", outputs=[VIDEO], has_nsfw_contents="[true]"),
        values={"has_nsfw_contents": (True,)},
    ),
]
