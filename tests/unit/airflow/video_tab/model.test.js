/** The texts and data of the page, in each state of the task and of the prediction. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as model from "./model.js";

const FINISHED = "2026-01-01T00:01:35+00:00";
const PREDICTION = {
  id: "4f0a9c1e7b3d4c5f8e6a2b1d0c9f8e7d",
  mode: "text-to-video",
  model: "doubao-seedance-2-0-fast-260128",
  status: "succeeded",
  parameters: { prompt: "A boat", aspect_ratio: "16:9", duration: 5, seed: null },
  outputs: ["https://cdn.example/1.mp4"],
  error: null,
  submitted_at: "2026-01-01T00:00:00+00:00",
  created_at: "2026-01-01T00:00:01+00:00",
  finished_at: FINISHED,
  inference_seconds: 68.4,
  has_nsfw_contents: [],
  estimated_cost_usd: 0.499,
  submissions: 1,
  total_cost_usd: 0.499,
};
const WAITING = { ...PREDICTION, status: "queued", outputs: [], finished_at: null, inference_seconds: 0 };
const FAILED = { ...WAITING, status: "failed", error: "The generation failed" };
const REFUSED = { ...FAILED, id: null, submitted_at: null, created_at: null, finished_at: FINISHED };
const task = (state, operator = "SeedanceTextToVideoOperator") => ({ state, operator, operator_name: operator });
const soon = Date.parse(FINISHED) + 1000;

describe("readPrediction", () => {
  it("reads a parsed value and JSON text", () => {
    assert.deepEqual(model.readPrediction(PREDICTION), PREDICTION);
    assert.deepEqual(model.readPrediction(JSON.stringify(PREDICTION)), PREDICTION);
  });

  for (const value of [undefined, null, "", "s3://bucket/xcom.json", 7, [], {}, { id: "x", status: "y", outputs: "z" }])
    it(`returns null for ${JSON.stringify(value)}`, () => assert.equal(model.readPrediction(value), null));

  it("reads an XCom of an older version, without the count of submissions", () => {
    const { submissions, total_cost_usd, ...older } = PREDICTION;
    assert.deepEqual(model.readPrediction(older), { ...older, submissions: null, total_cost_usd: null });
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
    ["deferred", WAITING, "Queued", "quiet"],
    ["running", { ...WAITING, status: "running" }, "Running", "busy"],
    ["running", { ...WAITING, status: "unknown" }, "In progress", "busy"],
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
    assert.deepEqual(model.videos(prediction), [{ url: "https://cdn.example/2.mp4", flagged: true }]);
    assert.match(model.notes(task("success"), prediction, soon).join(" "), /not shown/);
  });
});

describe("notes", () => {
  it("is empty for a new video", () => {
    assert.deepEqual(model.notes(task("success"), PREDICTION, soon), []);
  });

  it("warns of a link that is older than a day", () => {
    const day = 24 * 3600 * 1000;
    const created = Date.parse(PREDICTION.created_at);
    assert.deepEqual(model.notes(task("success"), PREDICTION, created + day), []);
    assert.match(model.notes(task("success"), PREDICTION, created + day + 1)[0], /may have expired/);
    const undated = { ...PREDICTION, created_at: null };
    assert.deepEqual(model.notes(task("success"), undated, created + day + 1), []);
    assert.match(model.notes(task("success"), undated, Date.parse(FINISHED) + day + 1)[0], /may have expired/);
  });

  it("warns of an old link that a cleared task delivers again", () => {
    const again = { ...PREDICTION, finished_at: "2026-01-03T00:00:00+00:00" };
    assert.match(model.notes(task("success"), again, Date.parse(again.finished_at) + 1)[0], /may have expired/);
  });

  it("contains that a task does not wait", () => {
    assert.match(model.notes(task("success"), WAITING, soon)[0], /does not wait/);
  });

  it("contains that another try follows", () => {
    assert.match(model.notes(task("up_for_retry"), { ...WAITING, error: "lost" }, soon)[0], /next one/);
  });

  it("contains that a task runs again without a retry", () => {
    const busy = { ...REFUSED, error: "busy" };
    assert.match(model.notes(task("up_for_reschedule"), busy, soon)[0], /runs again/);
    assert.deepEqual(model.notes(task("up_for_reschedule"), WAITING, soon), []);
  });

  it("refers to the log if the prediction has no error", () => {
    assert.match(model.notes(task("failed"), WAITING, soon)[0], /log/);
    assert.deepEqual(model.notes(task("failed"), { ...WAITING, error: "refused" }, soon), []);
  });
});

describe("facts", () => {
  it("name the request's fields as the API does, without the prompt", () => {
    assert.deepEqual(model.requestFacts(PREDICTION), [
      ["model", "doubao-seedance-2-0-fast-260128"],
      ["mode", "text-to-video"],
      ["aspect_ratio", "16:9"],
      ["duration", "5"],
    ]);
  });

  it("contain times and cost of the generation", () => {
    assert.deepEqual(model.generationFacts(PREDICTION, "UTC"), [
      ["Submitted", "2026-01-01 00:00:00 UTC"],
      ["Finished", "2026-01-01 00:01:35 UTC"],
      ["Waited", "1 min 35 s"],
      ["Generation", "1 min 8 s"],
      ["Estimated cost", "$0.50 (list price estimate)"],
    ]);
  });

  it("leave out unknown values", () => {
    const times = { submitted_at: null, created_at: null };
    const costs = { estimated_cost_usd: null, submissions: null, total_cost_usd: null };
    const unknown = { ...WAITING, ...times, ...costs, mode: null, model: null, parameters: {} };
    assert.deepEqual(model.requestFacts(unknown), []);
    assert.deepEqual(model.generationFacts(unknown, "UTC"), []);
  });

  it("are empty without a submission, and contain no price", () => {
    const refused = { ...REFUSED, submissions: 0, total_cost_usd: 0 };
    assert.deepEqual(model.generationFacts(refused, "UTC"), []);
  });

  // Three submissions of 0.499 USD each.
  for (const [when, prediction, expected] of [
    ["a retry was paid", { ...PREDICTION, submissions: 3, total_cost_usd: 1.497 }, ["3 in all tries", "$1.50"]],
    ["the task failed", { ...FAILED, submissions: 3, total_cost_usd: 1.497 }, ["3 in all tries", "$1.50"]],
    ["the last try sent nothing", { ...REFUSED, submissions: 1, total_cost_usd: 0.499 }, ["1 in all tries", "$0.50"]],
    ["a price is unknown", { ...PREDICTION, submissions: 2, total_cost_usd: null }, ["2 in all tries", "unknown"]],
  ])
    it(`end with submissions and total cost if ${when}`, () => {
      const [submissions, total] = model.generationFacts(prediction, "UTC").slice(-2);
      assert.deepEqual(submissions, ["Submissions", expected[0]]);
      assert.equal(total[0], "Total cost");
      assert.ok(total[1].startsWith(expected[1]));
    });

  it("contain neither submissions nor total cost for the only submission or an unknown number", () => {
    const labels = (prediction) => model.generationFacts(prediction, "UTC").map(([label]) => label);
    for (const prediction of [PREDICTION, FAILED, { ...PREDICTION, submissions: null, total_cost_usd: null }])
      assert.equal(labels(prediction).at(-1), "Estimated cost");
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
