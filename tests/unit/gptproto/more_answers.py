"""
More responses of each kind: in the forms of gateways and services beside GPTProto's own relatives.

Sources: the public formats of New API, One API, Ark, fal, Replicate, Kling, MiniMax, DashScope, Azure and
OpenAI, of RFC 9457, and of the proxies nginx, Cloudflare, Envoy and Amazon's load balancer.
"""

from __future__ import annotations

import json

from tests.unit.gptproto.answers import AUDIO_OFF, DONE, ID, VIDEO, Case, data, failed, named, page

_RAW = json.dumps({"error": {"message": "ratio 5:1 is unheard of"}})

SUBMISSIONS = [
    Case(
        "content verdict: management policy",
        "content",
        {"error": {"code": "content_filter", "message": "filtered due to the prompt", "status": 400}},
        400,
    ),
    Case(
        "content verdict: type of a validation error",
        "content",
        {"detail": [{"loc": ["body", "prompt"], "msg": "could not be processed", "type": "content_policy_violation"}]},
        422,
        says=("could not be processed",),
    ),
    Case("content verdict: forbidden words", "content", {"code": 400, "msg": "Prompt contains forbidden words"}, 400),
    Case("content verdict: risk control in Chinese", "content", {"message": "触发风控"}, 403),
    Case("wallet: locked user", "balance", {"detail": "User is locked. Reason: Exhausted balance."}, 403),
    Case(
        "wallet: hard limit",
        "balance",
        {"error": {"code": "billing_hard_limit_reached", "message": "Billing hard limit has been reached"}},
        400,
    ),
    Case("wallet: set limit in a 429", "balance", {"error": {"code": "SetLimitExceeded", "message": "paused"}}, 429),
    Case("wallet: token without quota", "balance", {"error": {"message": "This token has run out of quota"}}, 401),
    Case("wallet: top up in Chinese", "balance", {"error": {"message": "请充值后再试"}}, 403),
    Case("wallet: code 402 in a 200", "balance", {"code": 402, "msg": "Credits insufficient"}),
    Case("arguments: unsupported ratio", "arguments", {"error": "unsupported aspect ratio 5:1"}, 422, says=("5:1",)),
    Case("arguments: title only", "arguments", {"title": "Input validation failed", "status": 422}, 422),
    Case("capacity: full queue", "capacity", {"code": 503, "message": "upstream queue is full"}, 400),
    Case("capacity: maintenance in Chinese", "capacity", {"code": "503", "message": "系统维护中"}, 400),
    Case("capacity: high demand", "capacity", {"code": 503, "message": "high demand, please retry later"}, 400),
    Case("capacity: saturated group", "capacity", {"error": {"message": "当前分组上游负载已饱和", "code": "503"}}, 400),
    Case(
        "moderation failed: unable to verify", "fault", {"error": {"message": "unable to verify content safety"}}, 400
    ),
    Case("moderation failed: risk control", "fault", {"message": "risk control service error"}, 400),
    Case("moderation failed: upstream", "fault", {"msg": "content moderation failed: upstream timeout"}, 400),
    Case("moderation failed: busy in Chinese", "fault", {"error": "审核服务繁忙"}, 400),
    Case(
        "id shape: request_id of a queue",
        "submitted",
        {"request_id": "q-1", "status": "IN_QUEUE", "queue_position": 0},
        values=named("q-1"),
    ),
    *(
        Case(f"id in place of an object: {body}", "submitted", body, values=named("cgt-20260101-x7k2p"))
        for body in (
            {"code": 0, "msg": "ok", "data": "cgt-20260101-x7k2p"},
            {"result": "cgt-20260101-x7k2p"},
            {"code": 200, "data": ["cgt-20260101-x7k2p"]},
            {"code": 0, "data": "cgt-20260101-x7k2p", "request_id": "r-1"},
            {"code": 0, "task_id": "cgt-20260101-x7k2p", "data": "wait-20-seconds"},
        )
    ),
    *(
        Case(f"no id in place of an object: {text}", "unconfirmed", {"code": 200, "data": text}, says=(text[:20],))
        for text in ("accepted", "a1b", "wait 20 seconds", "https://cdn.example/v1.mp4", "排队第3000位")
    ),
    Case("no id beside an error", "unconfirmed", {"error": "E-1000", "result": "abcd-1234"}, says=("abcd-1234",)),
    Case("no id in a refusal", "arguments", {"code": 400, "message": "ratio", "data": "abcd-1234"}),
    Case("id shape: object task", "submitted", {"task": {"id": "t-11", "status": "queued"}}, values=named("t-11")),
    Case(
        "id shape: base_resp",
        "submitted",
        {"task_id": "t-12", "base_resp": {"status_code": 0, "status_msg": "success"}},
        values=named("t-12"),
    ),
    Case(
        "id shape: Result in PascalCase",
        "submitted",
        {"ResponseMetadata": {"RequestId": "r-9"}, "Result": {"TaskId": "t-13"}},
        values=named("t-13"),
    ),
    Case(
        "nothing hidden: raw answer of a provider",
        "arguments",
        {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": _RAW}}},
        400,
        says=("Provider returned error", "5:1"),
    ),
    Case(
        "nothing hidden: errors by field",
        "arguments",
        {"errors": {"duration": ["between 4 and 15"]}},
        422,
        says=("duration", "between 4 and 15"),
    ),
    Case("nothing hidden: code and text", "arguments", {"error": 400, "text": "bad seed"}, 400, says=("bad seed",)),
    Case("nothing hidden: unknown names", "arguments", {"why": ["too", {"dark": 1}]}, 400, says=("too", "dark")),
    Case(
        "nothing hidden: id under an unknown name",
        "unconfirmed",
        {"code": 1, "result": "1320098173412546", "description": "queued"},
        says=("1320098173412546",),
    ),
    Case("gateway on submission: load balancer 460", "unconfirmed", "", 460),
    Case("gateway on submission: conflict", "unconfirmed", {"message": "a request is being processed"}, 409),
    Case(
        "gateway on submission: no answer from upstream",
        "unconfirmed",
        {"code": "do_request_failed", "message": "context deadline exceeded"},
        400,
        says=("deadline",),
    ),
    Case("gateway on submission: code 503 without upstream", "fault", {"code": 503, "msg": "no healthy upstream"}, 400),
    Case("gateway on submission: code 503 without model", "fault", {"code": "503", "message": "模型暂不可用"}, 400),
    *(
        Case(f"gateway on submission: code 503, {words}", "unconfirmed", {"code": 503, "message": words}, 400)
        for words in ("upstream request failed", "Bad Gateway", "系统异常", "socket hang up", "Internal Server Error")
    ),
    Case("gateway on submission: page of a portal", "unconfirmed", page("Welcome"), 200),
    Case("gateway on submission: origin DNS", "unconfirmed", page("Origin DNS error"), 530),
]

POLLS = [
    Case("content verdict: minimal", "content", failed("input new_sensitive"), says=("new_sensitive",)),
    Case("content verdict: Replicate", "content", failed("The input or output was flagged as sensitive. (E005)")),
    Case("content verdict: likeness", "content", failed({"detail": "third-party likeness is not allowed"})),
    Case("content verdict: failed check", "content", failed("Your prompt failed the safety check")),
    Case("content verdict: check not passed", "content", failed("content security check not passed")),
    Case("content verdict: failed review in Chinese", "content", failed("内容审核失败,请修改后重试")),
    Case("content verdict: community in Chinese", "content", failed("内容不符合社区规范")),
    Case("content verdict: infringement in Chinese", "content", data("fail", failMsg="该内容涉嫌侵权")),
    Case("content verdict: by status_message", "content", data("failed", status_message="blocked by guardrail")),
    Case("sound verdict: soundtrack", "sound", failed("the soundtrack was blocked by moderation"), says=AUDIO_OFF),
    Case("sound verdict: speech", "sound", failed("generated speech violates our content policy"), says=AUDIO_OFF),
    Case("sound verdict: audio of the output", "sound", failed("audio of the output: copyright"), says=AUDIO_OFF),
    Case("sound verdict: dubbing in Chinese", "sound", failed("配音内容违规"), says=AUDIO_OFF),
    Case("sound verdict: input sound is not cured", "content", failed("input audio may contain sensitive information")),
    Case("sound verdict: input track is not cured", "content", failed("the reference audio track is under copyright")),
    Case("wallet: not enough credits", "balance", failed("You don't have enough credits")),
    Case("wallet: quota exceeded", "balance", failed({"code": "QuotaExceeded"})),
    Case("wallet: debts in Chinese", "balance", failed("账户已欠款")),
    Case("arguments: options", "arguments", failed("duration is not within the range of allowed options")),
    Case("arguments: pydantic", "arguments", failed([{"loc": ["resolution"], "msg": "Input should be '480p'"}])),
    Case("arguments: image too small", "arguments", failed({"message": "The image dimensions are too small"})),
    Case("arguments: address of an image", "arguments", data("failed", failMsg="Invalid image_url")),
    Case("arguments: size in Chinese", "arguments", failed("图片尺寸不符合要求")),
    *(
        Case(f"wallet: {words}", "balance", failed(words))
        for words in ("Arrearage", "the wallet is empty", "Please buy more credits", "suspended for non-payment")
    ),
    *(Case(f"wallet in Chinese: {words}", "balance", failed(words)) for words in ("点数不足", "账户已停机,请续费")),
    *(
        Case(f"arguments in words: {words}", "arguments", failed(words))
        for words in (
            "Reference video is longer than 15 seconds",
            "could not fetch image_url: 403",
            "Failed to download the input image",
            "image could not be decoded",
            "下载图片失败",
            "素材链接访问失败",
            "图片下载失败,请检查后重试",
            "prompt cannot be empty",
            "提示词不能为空",
            "too many reference images",
        )
    ),
    *(
        Case(f"content in words: {words}", "content", failed(words))
        for words in (
            "The photo depicts a real individual",
            "Refused: the video shows a minor",
            "content was rejected",
            "Your prompt has been declined",
            "画面涉嫌侵犯隐私",
            "含有未成年人",
            "The audio that you uploaded was flagged",
            "your video's audio was flagged",
            "audio in the reference video was flagged",
            "the input audio track was flagged",
            "上传的音频审核不通过",
            "您的音频审核不通过",
        )
    ),
    *(
        Case(f"sound in words: {words}", "sound", failed(words), says=AUDIO_OFF)
        for words in (
            "The audio generated for this video was flagged",
            "The video's audio was flagged",
            "The video\N{RIGHT SINGLE QUOTATION MARK}s music may infringe copyright",
            "Sound of the result contains sensitive content",
            "your generated audio was flagged",
            "音频审核不通过",
            "视频配乐涉嫌侵权",
        )
    ),
    *(
        Case(f"no verdict in words: {words}", "failed", failed(words))
        for words in (
            "storage quota exceeded on node",
            "DiskQuotaExceeded",
            "quota exceeded on disk 7",
            "磁盘额度不足",
            "重试次数用尽",
            "could not fetch image_url: connect timed out",
            "failed to download image: HTTP 502",
            "下载图片失败: 连接超时",
            "could not download the reference video, try again later",
            "failed to load the image model",
            "could not fetch the video from the worker",
            "image generation is longer than usual",
            "image cannot be generated",
            "the output file is missing",
            "content was rejected: the queue is full",
            "the result shows a minor glitch",
            "node contains child process 7",
            "the video's audio muxing failed",
            "The audio generated for this video was lost",
        )
    ),
    Case("no verdict: time limit", "failed", failed("video generation exceeded the maximum time")),
    Case("no verdict: memory", "failed", failed("Model inference failed: CUDA out of memory")),
    Case("no verdict: interrupted", "failed", failed("Prediction interrupted; please retry (code: PA)")),
    Case("no verdict: time limit in Chinese", "failed", failed("生成超时")),
    Case("capacity: maintenance in a 400", "done", {"code": 503, "message": "under maintenance"}, 400, times=20),
    Case("capacity: busy in a 200", "done", {"code": 503, "msg": "the server is busy"}, times=20),
    Case("capacity: queue in Chinese", "done", {"code": "503", "message": "排队人数过多"}, 400, times=20),
    *(
        Case(f"code 503 on a poll: {words}", "done", {"code": 503, "message": words}, 400, times=20)
        for words in ("upstream connect error", "no healthy upstream", "Bad Gateway", "系统异常", "Oops", "E-77")
    ),
    Case("moderation failed: on a poll", "done", {"error": {"message": "moderation api timeout"}}, 400, times=20),
    Case("moderation failed: system on a poll", "done", {"message": "moderation system error"}, 400, times=20),
    Case("moderation failed: in a failure", "failed", failed("审核超时")),
    Case(
        "success shape: JSON text of a task",
        "done",
        {"code": 200, "data": {"taskId": ID, "state": "success", "resultJson": json.dumps({"resultUrls": [VIDEO]})}},
        values=DONE,
    ),
    Case(
        "success shape: object video",
        "done",
        {"status": "COMPLETED", "video": {"url": VIDEO, "content_type": "video/mp4"}, "request_id": ID},
        values=DONE,
    ),
    Case(
        "success shape: answer of the upstream",
        "done",
        {"code": "success", "data": {"task_id": ID, "status": "SUCCESS", "data": {"content": {"video_url": VIDEO}}}},
        values=DONE,
    ),
    Case(
        "success shape: creations", "done", {"id": ID, "state": "success", "creations": [{"url": VIDEO}]}, values=DONE
    ),
    Case("success shape: metadata", "done", {"id": ID, "status": "completed", "metadata": {"url": VIDEO}}, values=DONE),
    Case("success shape: assets", "done", {"id": ID, "state": "completed", "assets": {"video": VIDEO}}, values=DONE),
    Case(
        "success shape: id of the HTTP request at the top",
        "done",
        {"id": "b2", "data": {"status": "succeeded", "outputs": [VIDEO]}},
        values=DONE,
    ),
    *(
        Case(f"success name: {name}", "done", data("succeeded", **{name: value}), values=DONE)
        for name, value in (
            ("result_urls", [VIDEO]),
            ("mp4Url", VIDEO),
            ("videos", [{"url": VIDEO}]),
            ("videos", json.dumps([{"video_url": VIDEO, "type": "video"}])),
            ("media", [{"type": "image/png", "url": "https://a.example/c.png"}, {"type": "video", "url": VIDEO}]),
            ("files", [{"download_url": VIDEO}]),
            ("output", {"results": [{"url": VIDEO}]}),
            ("outputs", {"0": VIDEO}),
            ("output", {"files": [{"url": VIDEO}]}),
        )
    ),
    *(
        Case(f"repeated input: {name}", "done", data("succeeded", outputs=[], **{name: value}), times=2)
        for name, value in (
            ("image", "https://a.example/in.png"),
            ("images", [{"url": "https://a.example/in.png"}]),
            ("videos", ["https://a.example/in.mp4"]),
            ("videos", [{"role": "reference_video", "url": "https://a.example/in.mp4"}]),
            ("media", ["https://a.example/in.mp4"]),
            ("media", [{"type": "input_video", "url": "https://a.example/in.mp4"}]),
            ("files", [{"purpose": "input", "url": "https://a.example/in.mp4"}]),
            ("input", {"videos": [{"url": "https://a.example/in.mp4"}], "video_url": "https://a.example/in.mp4"}),
            ("output", {"images": ["https://a.example/in.png"]}),
        )
    ),
    Case("status word: prefix", "done", data("TASK_STATUS_SUCCEED", outputs=[VIDEO]), values=DONE),
    Case("status word: complete", "done", data("COMPLETE", outputs=[VIDEO]), values=DONE),
    Case("status word: Chinese", "done", data("已完成", outputs=[VIDEO]), values=DONE),
    Case("status word: rejected", "failed", data("rejected")),
    Case("status word: aborted", "failed", data("aborted", outputs=None)),
    Case("status word: timed out", "failed", data("Timed-Out")),
    Case("status word: queueing", "in progress", data("Queueing")),
    Case("status word: waiting", "in progress", {"data": {"taskId": ID, "state": "waiting"}}),
    Case("status word: never seen", "in progress", data("DREAMING")),
    Case("nothing hidden: status message", "failed", data("failed", task_status_msg="no GPU 7"), says=("no GPU 7",)),
    Case("nothing hidden: log", "failed", data("failed", logs="step 7 crashed"), says=("step 7 crashed",)),
    Case("nothing hidden: text as output", "failed", data("failed", output="disk 9 full"), says=("disk 9 full",)),
    Case(
        "nothing hidden: error beside the data",
        "failed",
        {**data("failed"), "error": {"message": "node 4 lost"}},
        400,
        says=("node 4 lost",),
    ),
    *(
        Case(f"gateway on poll: page {status}", "done", page("Gateway"), status, times=20)
        for status in (400, 402, 405, 410, 418, 431, 511, 530)
    ),
    *(Case(f"gateway on poll: empty {status}", "done", "", status, times=20) for status in (401, 404, 444, 460)),
    Case("gateway on poll: text of a router", "done", "404 page not found", 404, times=20),
    Case("gateway on poll: page of a portal", "done", page("Welcome"), 200, times=20),
    Case("gateway on poll: null", "done", "null", 200, times=20),
    Case(
        "failed in an envelope: code 501",
        "failed",
        {"code": 501, "msg": "Generation failed", "data": {"taskId": ID, "state": "fail", "failMsg": "reason 5"}},
        says=("reason 5",),
    ),
    Case(
        "failed in an envelope: at the top of a 422",
        "failed",
        {"id": ID, "status": "failed", "error": "worker died"},
        422,
        says=("worker died",),
    ),
    Case(
        "failed in an envelope: JSON text in a 400",
        "arguments",
        {"code": 400, "data": json.dumps({"id": ID, "status": "failed", "error": "InvalidParameter"})},
        400,
    ),
    Case("failed in an envelope: code of a limit", "failed", {**failed("GPU lost"), "code": 429}, 429),
    Case(
        "other id: in output",
        "done",
        {"output": {"task_id": "b2", "task_status": "SUCCEEDED", "video_url": "https://a.example/b2.mp4"}},
        times=20,
    ),
    Case(
        "other id: at the top beside an integer",
        "done",
        {"task_id": "b2", "data": {"id": 5, "status": "FAILURE"}},
        times=20,
    ),
    Case(
        "other id: in the address",
        "done",
        {"data": {"urls": {"get": "https://gptproto.example/api/v3/predictions/b2/result"}, "status": "failed"}},
        times=20,
    ),
    Case("other id: task in data", "done", data("x") | {"data": {"task": {"id": "b2"}, "status": "failed"}}, times=20),
]
