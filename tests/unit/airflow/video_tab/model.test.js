/** What the page has to say, in each state of the task and of the prediction. */

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
};
const WAITING = { ...PREDICTION, status: "queued", outputs: [], finished_at: null, inference_seconds: 0 };
const task = (state, operator = "SeedanceTextToVideoOperator") => ({ state, operator, operator_name: operator });
const soon = Date.parse(FINISHED) + 1000;

describe("readPrediction", () => {
  it("reads it as the API hands it out, and as JSON", () => {
    assert.deepEqual(model.readPrediction(PREDICTION), PREDICTION);
    assert.deepEqual(model.readPrediction(JSON.stringify(PREDICTION)), PREDICTION);
  });

  for (const value of [undefined, null, "", "s3://bucket/xcom.json", 7, [], {}, { id: "x", status: "y", outputs: "z" }])
    it(`leaves ${JSON.stringify(value)} alone`, () => assert.equal(model.readPrediction(value), null));

  it("takes nothing for what it is not", () => {
    const strange = { id: 1, status: {}, outputs: [], parameters: null, error: 3, has_nsfw_contents: 1 };
    const read = model.readPrediction(strange);
    assert.deepEqual([read?.id, read?.status, read?.parameters, read?.error], [null, null, {}, null]);
    assert.deepEqual(read?.has_nsfw_contents, []);
  });
});

describe("isSeedanceTask", () => {
  for (const name of [
    "SeedanceTextToVideoOperator",
    "SeedancePredictionSensor",
    "@task.seedance",
    "_SeedanceDecoratedOperator",
  ])
    it(`knows ${name}`, () => assert.ok(model.isSeedanceTask(task("success", name))));

  it("knows by either name", () => {
    assert.ok(model.isSeedanceTask({ ...task("success", "Mine"), operator_name: "@task.seedance" }));
  });

  for (const name of ["PythonOperator", "@task", null])
    it(`does not know ${name}`, () => assert.ok(!model.isSeedanceTask(task("success", name))));
});

describe("lineWithoutPrediction", () => {
  it("says that another operator makes no video", () => {
    assert.match(model.lineWithoutPrediction(task("success", "PythonOperator")), /no Seedance video.*PythonOperator/);
  });

  for (const state of [null, "scheduled", "queued", "running", "deferred", "up_for_reschedule"])
    it(`says in state ${state} that nothing is submitted yet`, () => {
      assert.equal(model.lineWithoutPrediction(task(state)), "Not submitted yet.");
    });

  for (const state of ["failed", "up_for_retry"])
    it(`sends to the log in state ${state}`, () => assert.match(model.lineWithoutPrediction(task(state)), /log/));

  for (const state of ["upstream_failed", "skipped", "removed"])
    it(`says in state ${state} that nothing was submitted`, () => {
      assert.match(model.lineWithoutPrediction(task(state)), /^Not submitted: /);
    });
});

describe("isFinal", () => {
  it("ends with the task", () => {
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
    ["failed", { ...WAITING, error: "gave up waiting" }, "Queued when last seen", "bad"],
    ["success", { ...WAITING, status: "created" }, "Created when last seen", "quiet"],
  ])
    it(`says ${text}`, () => assert.deepEqual(model.badge(task(state), prediction), { text, tone }));
});

describe("stateBadge", () => {
  it("says the task's state in words", () => {
    assert.deepEqual(model.stateBadge(task("up_for_retry")), { text: "Up for retry", tone: "quiet" });
    assert.deepEqual(model.stateBadge(task(null)), { text: "No status", tone: "quiet" });
    assert.deepEqual(model.stateBadge(task("failed")), { text: "Failed", tone: "bad" });
  });
});

describe("waitingSince", () => {
  it("counts from the submission while somebody waits", () => {
    assert.equal(model.waitingSince(task("deferred"), WAITING), Date.parse(WAITING.submitted_at));
    assert.equal(
      model.waitingSince(task("running"), { ...WAITING, submitted_at: null }),
      Date.parse(WAITING.created_at),
    );
  });

  it("does not count when nobody waits", () => {
    assert.equal(model.waitingSince(task("success"), { ...WAITING, status: "created" }), null);
    assert.equal(model.waitingSince(task("running"), PREDICTION), null);
    assert.equal(model.waitingSince(task("up_for_retry"), { ...WAITING, error: "lost" }), null);
  });
});

describe("videos", () => {
  it("flags what the service flags", () => {
    const outputs = ["https://cdn.example/1.mp4", "https://cdn.example/2.mp4", "https://cdn.example/3.mp4"];
    const found = model.videos({ ...PREDICTION, outputs, has_nsfw_contents: [false, true] });
    assert.deepEqual(
      found.map(({ flagged }) => flagged),
      [false, true, false],
    );
  });

  it("leaves out what is no address of the web, and says so", () => {
    const outputs = ["javascript:alert(1)", "https://cdn.example/2.mp4"];
    const prediction = { ...PREDICTION, outputs, has_nsfw_contents: [false, true] };
    assert.deepEqual(model.videos(prediction), [{ url: "https://cdn.example/2.mp4", flagged: true }]);
    assert.match(model.notes(task("success"), prediction, soon).join(" "), /left out/);
  });
});

describe("notes", () => {
  it("has nothing to add to a fresh video", () => {
    assert.deepEqual(model.notes(task("success"), PREDICTION, soon), []);
  });

  it("warns of a link after its day", () => {
    const day = 24 * 3600 * 1000;
    const begun = Date.parse(PREDICTION.created_at);
    assert.deepEqual(model.notes(task("success"), PREDICTION, begun + day), []);
    assert.match(model.notes(task("success"), PREDICTION, begun + day + 1)[0], /may have expired/);
    const undated = { ...PREDICTION, created_at: null };
    assert.deepEqual(model.notes(task("success"), undated, begun + day + 1), []);
    assert.match(model.notes(task("success"), undated, Date.parse(FINISHED) + day + 1)[0], /may have expired/);
  });

  it("warns of an old link when the task was cleared and hands it on again", () => {
    const again = { ...PREDICTION, finished_at: "2026-01-03T00:00:00+00:00" };
    assert.match(model.notes(task("success"), again, Date.parse(again.finished_at) + 1)[0], /may have expired/);
  });

  it("tells that a task does not wait", () => {
    assert.match(model.notes(task("success"), WAITING, soon)[0], /does not wait/);
  });

  it("tells that another try comes", () => {
    assert.match(model.notes(task("up_for_retry"), { ...WAITING, error: "lost" }, soon)[0], /next one/);
  });

  it("sends to the log where the prediction does not say why the task failed", () => {
    assert.match(model.notes(task("failed"), WAITING, soon)[0], /log/);
    assert.deepEqual(model.notes(task("failed"), { ...WAITING, error: "refused" }, soon), []);
  });
});

describe("facts", () => {
  it("name what was asked for as the API does, without the prompt", () => {
    assert.deepEqual(model.requestFacts(PREDICTION), [
      ["model", "doubao-seedance-2-0-fast-260128"],
      ["mode", "text-to-video"],
      ["aspect_ratio", "16:9"],
      ["duration", "5"],
    ]);
  });

  it("tell how it went", () => {
    assert.deepEqual(model.generationFacts(PREDICTION, "UTC"), [
      ["Submitted", "2026-01-01 00:00:00 UTC"],
      ["Finished", "2026-01-01 00:01:35 UTC"],
      ["Waited", "1 min 35 s"],
      ["Generation", "1 min 8 s"],
      ["Estimated cost", "$0.50 (list price estimate)"],
    ]);
  });

  it("leave out what is not known", () => {
    const times = { submitted_at: null, created_at: null };
    const unknown = { ...WAITING, ...times, mode: null, model: null, parameters: {}, estimated_cost_usd: null };
    assert.deepEqual(model.requestFacts(unknown), []);
    assert.deepEqual(model.generationFacts(unknown, "UTC"), []);
  });

  it("tell nothing of what was not submitted, a price least of all", () => {
    const refused = { ...WAITING, id: null, submitted_at: null, created_at: null, finished_at: FINISHED };
    assert.deepEqual(model.generationFacts(refused, "UTC"), []);
  });
});

describe("refusalLine", () => {
  it("is one line for each refusal", () => {
    assert.match(model.refusalLine(401), /logged out/);
    assert.match(model.refusalLine(403), /may not see/);
    assert.match(model.refusalLine(404), /no such task instance/);
    assert.match(model.refusalLine(418), /418/);
  });
});
