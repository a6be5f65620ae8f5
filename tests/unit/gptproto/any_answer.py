"""Hypothesis strategies: answers that mix all reported forms of ids, results, errors and verdicts at random."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.unit.gptproto.anything import JSON

#: Names of a prediction's id in reported answers.
ID_NAMES = ("id", "task_id", "taskId", "result_id", "prediction_id", "generation_id", "job_id", "video_id")
STATUSES = [
    *(200, 200, 200, 201, 202, 204, 302, 307, 400, 401, 402, 403, 404, 407, 408, 409, 413, 422, 424, 425),
    *(429, 451, 499, 500, 502, 503, 504, 520, 524, 526),
]
FAILED = ("failed", "FAILURE", "fail", "canceled", "cancelled", "error", "timeout", "expired")
WORDS = [
    *FAILED,
    *("created", "queued", "SUBMITTED", "NOT_START", "IN_QUEUE", "Generating", "in progress", "succeeded", "SUCCESS"),
    *("succeed", "completed", "FINISHED", "DONE", "warming_up", "", None, 7, ["queued"], True),
]
VIDEO = "https://cdn.example/v.mp4"
TEXTS = st.sampled_from(
    [
        *("", "success", "x" * 700, "\ud800", "\0", "null", "a\nb", "503", "🙂", "{", "[1", "<html>"),
        *("output audio may contain sensitive information", "may contain real person", "may violate platform rules"),
        *("may be related to copyright", "flagged as sexual", "敏感", "违规", "内容审核未通过", "版权", "审核服务异常"),
        *("insufficient balance", "insufficient_user_quota", "预扣费额度失败", "余额不足", "账户欠费", "积分不足"),
        *("no available channel", "Service Unavailable", "the server is busy", "InvalidParameter: ratio", "参数错误"),
        *("task not found", "rate limit", "Internal error", "generation failed", "ContentSecurityDetectionError"),
    ]
)
CODES = st.sampled_from(
    [
        *(0, 200, 201, 202, 400, 401, 402, 403, 404, 429, 500, 502, 503, -1, 10**30, 1.5, True, None),
        *("", "0", "200", "success", "503", "429", "insufficient_quota", "AccountOverdueError", "ServerOverloaded"),
        *("InvalidParameter.TaskTypeConstraint", "OutputAudioSensitiveContentDetected", "InputTextRiskDetection"),
        *("ContentSecurityDetectionError", "model_overloaded", "InternalServiceError"),
    ]
)
ERRORS: st.SearchStrategy[Any] = st.recursive(
    TEXTS | CODES | st.fixed_dictionaries({}, optional={"message": TEXTS, "code": CODES, "type": CODES, "msg": TEXTS}),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.fixed_dictionaries({"error": inner})
        | st.fixed_dictionaries({"Error": st.fixed_dictionaries({"Code": CODES, "Message": inner})})
        | inner.map(json.dumps)
    ),
    max_leaves=3,
)
OUTPUTS: st.SearchStrategy[Any] = st.sampled_from(
    [
        *([], None, "", VIDEO, [VIDEO], [VIDEO, VIDEO], [{"url": VIDEO}], {"video_url": VIDEO}, {"url": [VIDEO]}),
        *(["x"], 7, json.dumps([VIDEO]), [[VIDEO]], {"videos": [{"url": VIDEO}]}, [None]),
    ]
)
TIMES: st.SearchStrategy[Any] = st.sampled_from(
    ["2026-01-01 00:00:00", "1766663633", 1766663633, 1766663633000, "", None, -1, 1e300, "soon"]
)
FLAGS: st.SearchStrategy[Any] = st.sampled_from([[], None, [True], [["false"]], "true", [[["x"]]], {}, 1, "[true]"])
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(WORDS),
    "task_status": st.sampled_from(WORDS),
    "code": CODES,
    "message": TEXTS | ERRORS,
    "msg": TEXTS,
    "detail": ERRORS,
    "error": ERRORS,
    "errors": ERRORS,
    "error_msg": TEXTS,
    "fail_reason": TEXTS | ERRORS,
    "ResponseMetadata": ERRORS,
    "success": st.sampled_from([True, False, "false", None]),
    "outputs": OUTPUTS,
    "output": OUTPUTS,
    "content": OUTPUTS,
    "result_url": OUTPUTS,
    "unsigned_urls": OUTPUTS,
    "created_at": TIMES,
    "createdAt": TIMES,
    "has_nsfw_contents": FLAGS,
    "hasNsfwContents": FLAGS,
    "input": TEXTS,
    "extra": JSON,
}


def _some(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with at most five of the fields, so that examples stay readable."""
    return st.lists(st.sampled_from(names), max_size=5, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: _FIELDS[name] for name in chosen})
    )


_OBJECTS = _some(list(_FIELDS))
_ENVELOPES = _some(["code", "message", "success", "status", "error", "msg", "extra"])


def bodies(ids: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    """
    Return bodies with these ids in the innermost object, at the top or below ``data``, ``output``, ``error``...

    :param ids: Fields with ids.
    """
    plain = st.builds(lambda fields, names: {**fields, **names}, _OBJECTS, ids)

    def wrap(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        names = st.sampled_from(["data", "data", "data", "output", "error", "result", "detail", "x", "message"])
        wrapped = st.builds(
            lambda envelope, name, value: {**envelope, name: value},
            _ENVELOPES,
            names,
            inner | inner.map(lambda value: [value]) | inner.map(json.dumps),
        )
        return wrapped | inner

    return st.recursive(plain, wrap, max_leaves=3)


def accepted(ids: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return bodies with these ids in the object of the prediction, ``data``."""
    return st.builds(
        lambda envelope, fields, names: {**envelope, "data": {**fields, **names}}, _ENVELOPES, _OBJECTS, ids
    )


def named(prediction_id: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return the id under one of its names."""
    return st.sampled_from(ID_NAMES).map(lambda name: {name: prediction_id})


NO_ID: st.SearchStrategy[dict[str, Any]] = st.just({})
