/** The texts and data of the page, in each state of the task and of the prediction. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as model from "./model.js";
import { FINISHED, PREDICTION, REFUSED, WAITING } from "./predictions.js";

const task = (state, operator = "SeedanceTextToVideoOperator") => ({ state, operator, operator_name: operator });
const soon = Date.parse(FINISHED) + 1000;

describe("readPrediction", () => {
  it("reads a parsed value and JSON text", () => {
    assert.deepEqual(model.readPrediction(PREDICTION), PREDICTION);
    assert.deepEqual(model.readPrediction(JSON.stringify(PREDICTION)), PREDICTION);
  });

  for (const value of [undefined, null, "", "s3://bucket/xcom.json", 7, [], {}, { id: "x", status: "y", outputs: "z" }])
    it(`returns null for ${JSON.stringify(value)}`, () => assert.equal(model.readPrediction(value), null));

  it("reads fields that are missing as null", () => {
    const { submissions, total_cost_usd, seen_at, resolution, ...rest } = PREDICTION;
    const missing = { submissions: null, total_cost_usd: null, seen_at: null, resolution: null };
    assert.deepEqual(model.readPrediction(rest), { ...rest, ...missing });
  });

  it("ignores fields of a wrong type", () => {
    const strange = { id: 1, status: {}, outputs: [], parameters: null, error: 3, has_nsfw_contents: 1 };
    const read = model.readPrediction(strange);
    assert.deepEqual([read?.id, read?.status, read?.parameters, read?.error], [null, null, {}, null]);
    assert.deepEqual(read?.has_nsfw_contents, []);
  });
});

describe("isReference", () => {
  for (const value of [
    "s3://aws_default@bucket/xcom/boats/run 1/make_video/7bb043e2",
    '"file:///opt/xcom/7bb043e2.json.gz"',
    "abfs+tls://container/7bb043e2",
    "xcom_gs://bucket/7bb043e2",
  ])
    it(`is true for ${value}`, () => assert.ok(model.isReference(value)));

  for (const value of [null, "", "4f0a9c1e", "see s3://bucket/key", '{"url": "s3://bucket"}', ["s3://bucket"], PREDICTION])
    it(`is false for ${JSON.stringify(value)}`, () => assert.ok(!model.isReference(value)));
});

describe("isSeedanceTask", () => {
  for (const name of [
    "SeedanceTextToVideoOperator",
    "SeedancePredictionSensor",
    "@task.seedance",
    "_SeedanceDecoratedOperator",
  ])
    it(`is true for ${name}`, () => assert.ok(model.isSeedanceTask(task("success", name))));

  it("is true if either name is one of a Seedance operator", () => {
    assert.ok(model.isSeedanceTask({ ...task("success", "Mine"), operator_name: "@task.seedance" }));
  });

  for (const name of ["PythonOperator", "@task", null])
    it(`is false for ${name}`, () => assert.ok(!model.isSeedanceTask(task("success", name))));
});

describe("messageWithoutPrediction", () => {
  it("names another operator", () => {
    for (const value of [null, { score: 0.9 }])
      assert.match(
        model.messageWithoutPrediction(task("success", "PythonOperator"), value),
        /no Seedance video.*PythonOperator/,
      );
  });

  for (const state of ["running", "failed", "success"])
    for (const operator of ["SeedanceTextToVideoOperator", "MyVideoOperator"])
      it(`contains that the value of a task of ${operator} in state ${state} is in object storage`, () => {
        const message = model.messageWithoutPrediction(task(state, operator), "s3://bucket/key");
        assert.match(message, /object storage.*log.*link “Video”/);
      });

  for (const value of ["gAAAAABlcyphertext", { ref: "key" }, [], 7])
    it(`contains that ${JSON.stringify(value)} is not readable`, () => {
      assert.match(model.messageWithoutPrediction(task("running"), value), /cannot read.*backend.*log/);
    });

  for (const state of [null, "scheduled", "queued", "running", "deferred", "up_for_reschedule"])
    it(`is "Not submitted yet." in state ${state}`, () => {
      assert.equal(model.messageWithoutPrediction(task(state), null), "Not submitted yet.");
    });

  it("names the sensor, which submits nothing", () => {
    const message = model.messageWithoutPrediction(task("running", "SeedancePredictionSensor"), null);
    assert.match(message, /sensor has not seen/);
  });

  for (const state of ["failed", "up_for_retry"])
    it(`refers to the log in state ${state}`, () => assert.match(model.messageWithoutPrediction(task(state), null), /log/));

  for (const state of ["upstream_failed", "skipped", "removed"])
    it(`begins with "Not submitted" in state ${state}`, () => {
      assert.match(model.messageWithoutPrediction(task(state), null), /^Not submitted: /);
    });
});

describe("tileText", () => {
  for (const [value, text] of [
    ["s3://bucket/key", "In object storage"],
    ["gAAAAABlcyphertext", "Not readable"],
    [null, ""],
    [WAITING, ""],
  ])
    it(`is "${text}" for ${JSON.stringify(value)}`, () => assert.equal(model.tileText(value), text));
});

describe("isFinal", () => {
  it("is true in the final states only", () => {
    for (const state of ["success", "failed", "upstream_failed", "skipped", "removed"])
      assert.ok(model.isFinal(task(state)));
    for (const state of [null, "queued", "running", "deferred", "up_for_retry", "restarting"])
      assert.ok(!model.isFinal(task(state)));
  });
});

describe("badge", () => {
  for (const [state, prediction, text, tone] of [
    ["success", PREDICTION, "Succeeded", "good"],
    // What was published before a wait in the triggerer is old: the log has newer states.
    ["deferred", { ...WAITING, status: "created" }, "In progress", "busy"],
    ["deferred", WAITING, "In progress", "busy"],
    ["running", { ...WAITING, status: "running" }, "In progress", "busy"],
    ["running", { ...WAITING, status: "unknown" }, "In progress", "busy"],
    ["up_for_retry", { ...WAITING, error: "lost" }, "Last known status: queued", "bad"],
    ["failed", { ...WAITING, status: "failed", error: "refused" }, "Failed", "bad"],
    ["failed", { ...WAITING, status: "expired", error: "too old" }, "Expired", "bad"],
    ["failed", { ...WAITING, status: null, id: null, error: "bad key" }, "Failed", "bad"],
    ["failed", { ...WAITING, error: "gave up waiting" }, "Last known status: queued", "bad"],
    ["success", { ...WAITING, status: "created" }, "Last known status: created", "quiet"],
  ])
    it(`is ${text}`, () => assert.deepEqual(model.badge(task(state), prediction), { text, tone }));
});

describe("stateBadge", () => {
  it("shows the task's state in words", () => {
    assert.deepEqual(model.stateBadge(task("up_for_retry")), { text: "Up for retry", tone: "quiet" });
    assert.deepEqual(model.stateBadge(task(null)), { text: "No status", tone: "quiet" });
    assert.deepEqual(model.stateBadge(task("failed")), { text: "Failed", tone: "bad" });
  });
});

describe("waitingSince", () => {
  it("is the time of submission while the task waits", () => {
    assert.equal(model.waitingSince(task("deferred"), WAITING), Date.parse(WAITING.submitted_at));
    assert.equal(
      model.waitingSince(task("running"), { ...WAITING, submitted_at: null }),
      Date.parse(WAITING.created_at),
    );
  });

  it("is null when the task does not wait", () => {
    assert.equal(model.waitingSince(task("success"), { ...WAITING, status: "created" }), null);
    assert.equal(model.waitingSince(task("running"), PREDICTION), null);
    assert.equal(model.waitingSince(task("up_for_retry"), { ...WAITING, error: "lost" }), null);
  });
});

describe("seenText", () => {
  const seen = { ...WAITING, seen_at: "2026-01-01T00:00:02+00:00" };
  const now = Date.parse("2026-01-01T00:03:02+00:00");

  it("contains status and age", () => assert.equal(model.seenText(seen, now), "last seen queued, 3 min 0 s ago"));

  it("names an unknown status as the log does", () => {
    assert.match(model.seenText({ ...seen, status: "unknown" }, now), /^last seen in progress, /);
  });

  it("is empty before the service reports a status", () => assert.equal(model.seenText({ ...seen, seen_at: null }, now), ""));
});

describe("copiesOf", () => {
  const copies = [0, 1, 0].map((index, number) => ({ dag_id: `d${number}`, file: 7, index }));

  it("returns the copies of an output by its place", () => {
    assert.deepEqual(model.copiesOf({ outputs: ["a", "b"] }, copies, 1), [copies[1]]);
    assert.deepEqual(model.copiesOf({ outputs: ["a", "b"] }, copies, 0), [copies[0], copies[2]]);
  });

  it("returns all copies of the only output", () => {
    assert.deepEqual(model.copiesOf({ outputs: ["a"] }, copies, 0), copies);
  });
});

describe("isTransfer", () => {
  for (const [name, expected] of [
    ["SeedanceToObjectStorageOperator", true],
    ["SeedanceTextToVideoOperator", false],
    ["S3ToObjectStorage", false],
    [null, false],
  ])
    it(`is ${expected} for ${name}`, () => assert.equal(model.isTransfer(task("success", name)), expected));
});

describe("videos", () => {
  it("flags the outputs that the service flags", () => {
    const outputs = ["https://cdn.example/1.mp4", "https://cdn.example/2.mp4", "https://cdn.example/3.mp4"];
    const found = model.videos({ ...PREDICTION, outputs, has_nsfw_contents: [false, true] });
    assert.deepEqual(
      found.map(({ flagged }) => flagged),
      [false, true, false],
    );
  });

  it("leaves out an output that is not a web URL, with a note", () => {
    const outputs = ["javascript:alert(1)", "https://cdn.example/2.mp4"];
    const prediction = { ...PREDICTION, outputs, has_nsfw_contents: [false, true] };
    assert.deepEqual(model.videos(prediction), [{ url: "https://cdn.example/2.mp4", flagged: true, index: 1 }]);
    assert.match(model.notes(task("success"), prediction, false, false, soon).join(" "), /not shown/);
  });
});

describe("notes", () => {
  it("is empty for a new video", () => {
    assert.deepEqual(model.notes(task("success"), PREDICTION, false, soon), []);
  });

  it("warns of a link that is older than a day", () => {
    const day = 24 * 3600 * 1000;
    const created = Date.parse(PREDICTION.created_at);
    assert.deepEqual(model.notes(task("success"), PREDICTION, false, created + day), []);
    assert.match(model.notes(task("success"), PREDICTION, false, created + day + 1)[0], /may have expired/);
    const undated = { ...PREDICTION, created_at: null };
    assert.deepEqual(model.notes(task("success"), undated, false, created + day + 1), []);
    assert.match(model.notes(task("success"), undated, false, Date.parse(FINISHED) + day + 1)[0], /may have expired/);
  });

  it("warns of an old link that a cleared task delivers again", () => {
    const again = { ...PREDICTION, finished_at: "2026-01-03T00:00:00+00:00" };
    assert.match(model.notes(task("success"), again, false, Date.parse(again.finished_at) + 1)[0], /may have expired/);
  });

  it("does not warn of an old link if a copy is stored", () => {
    const old = Date.parse(FINISHED) + 30 * 24 * 3600 * 1000;
    assert.deepEqual(model.notes(task("success"), PREDICTION, true, old), []);
  });

  it("contains that a deferred task cannot update the page", () => {
    assert.match(model.notes(task("deferred"), WAITING, false, soon)[0], /triggerer.*log/);
    assert.deepEqual(model.notes(task("running"), WAITING, false, soon), []);
  });

  it("contains that a task does not wait", () => {
    assert.match(model.notes(task("success"), WAITING, false, soon)[0], /does not wait/);
  });

  it("contains that another try follows", () => {
    assert.match(model.notes(task("up_for_retry"), { ...WAITING, error: "lost" }, false, soon)[0], /next one/);
  });

  it("contains that a task runs again without a retry", () => {
    const busy = { ...REFUSED, error: "busy" };
    assert.match(model.notes(task("up_for_reschedule"), busy, false, soon)[0], /runs again/);
    assert.deepEqual(model.notes(task("up_for_reschedule"), WAITING, false, soon), []);
  });

  it("refers to the log if the prediction has no error", () => {
    assert.match(model.notes(task("failed"), WAITING, false, soon)[0], /log/);
    assert.deepEqual(model.notes(task("failed"), { ...WAITING, error: "refused" }, false, soon), []);
  });
});

describe("errorMessage", () => {
  it("is one message for each status", () => {
    assert.match(model.errorMessage(401), /logged out/);
    assert.match(model.errorMessage(403), /do not have permission/);
    assert.match(model.errorMessage(404), /does not exist/);
    assert.match(model.errorMessage(418), /418/);
  });
});
