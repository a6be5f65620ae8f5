/** The texts of a generation on the page of all generations. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as generations from "./generations.js";
import { readPrediction } from "./model.js";

const PREDICTION = {
  id: "4f0a9c1e7b3d4c5f8e6a2b1d0c9f8e7d",
  status: "processing",
  parameters: { prompt: "A boat" },
  outputs: [],
  submitted_at: "2026-01-01T00:00:00+00:00",
  created_at: "2026-01-01T00:00:01+00:00",
};
const GENERATION = {
  dag_id: "boats",
  run_id: "manual__2026-01-01T00:00:00+00:00",
  task_id: "make_video",
  map_index: -1,
  label: null,
  pushed_at: "2026-01-01T00:05:00+00:00",
  prediction: PREDICTION,
  is_reference: false,
  usd: 0.499,
};
const SUMS = { source: "xcom", count: 3, usd: 1, unknown: 0 };

describe("generationKey", () => {
  it("differs for the same index in two iterations of a loop", () => {
    const [one, two] = ["1a", "2b"].map((region) =>
      JSON.stringify(generations.generationKey({ ...GENERATION, map_index: 0, region_id: region })),
    );
    assert.notEqual(one, two);
  });
});

describe("taskText", () => {
  for (const [mapIndex, label, text] of [
    [-1, null, "make_video"],
    [0, null, "make_video [0]"],
    [7, "Postcard 7", "make_video [Postcard 7]"],
  ])
    it(`is ${text}`, () => assert.equal(generations.taskText({ ...GENERATION, map_index: mapIndex, label }), text));
});

describe("priceText", () => {
  it("says that a price is unknown, and that one is zero", () => {
    assert.equal(generations.priceText({ ...GENERATION, usd: null }), "Price unknown");
    assert.equal(generations.priceText({ ...GENERATION, usd: 0 }), "$0.00");
  });
});

describe("promptText", () => {
  const text = (generation) => generations.promptText(generation, readPrediction(generation.prediction));

  it("is the prompt, with what it contains", () => {
    const prompt = "<script>alert(1)</script>\n\u6d77";
    assert.equal(text({ ...GENERATION, prediction: { ...PREDICTION, parameters: { prompt } } }), prompt);
  });

  it("says that an XCom backend hides the value", () => {
    assert.match(text({ ...GENERATION, prediction: null, is_reference: true }), /XCom backend/);
  });

  it("says that a value is not readable", () => {
    for (const prediction of ["gibberish", { other: 1 }, [1], 7])
      assert.match(text({ ...GENERATION, prediction }), /not readable/);
  });

  it("says that there is no prompt, as in the XCom of a sensor", () => {
    assert.equal(text({ ...GENERATION, prediction: { ...PREDICTION, parameters: {} } }), "No prompt");
  });
});

describe("generationStart", () => {
  const start = (changes) =>
    new Date(generations.generationStart({ ...GENERATION, prediction: { ...PREDICTION, ...changes } })).toISOString();

  it("is the submission, else the creation, else the XCom's time", () => {
    assert.equal(start({}), "2026-01-01T00:00:00.000Z");
    assert.equal(start({ submitted_at: null }), "2026-01-01T00:00:01.000Z");
    assert.equal(start({ submitted_at: null, created_at: "soon" }), "2026-01-01T00:05:00.000Z");
  });

  it("is the XCom's time if the value is hidden", () => {
    assert.equal(generations.generationStart({ ...GENERATION, prediction: null }), Date.UTC(2026, 0, 1, 0, 5));
  });
});

describe("sumNotes", () => {
  it("says that XCom gives estimates, and that a ledger is exact", () => {
    assert.match(generations.sumNotes(SUMS).join(), /^Estimates.*XCom/);
    assert.match(generations.sumNotes({ ...SUMS, source: "ledger" }).join(), /^Exact.*ledger/);
  });

  it("says why a ledger was not used", () => {
    const note = "The ledger was not read in time.";
    assert.equal(generations.sumNotes({ ...SUMS, note })[1], note);
    assert.equal(generations.sumNotes({ ...SUMS, note: null }).length, 1);
  });

  for (const [unknown, note] of [[1, "1 generation without"], [12, "12 generations without"]])
    it(`says that ${unknown} prices are missing`, () =>
      assert.ok(generations.sumNotes({ ...SUMS, unknown })[1]?.startsWith(note)));
});

describe("pageErrorMessage", () => {
  it("says what to do", () => {
    assert.match(generations.pageErrorMessage(401), /Log in/);
    assert.match(generations.pageErrorMessage(403), /permission/);
    assert.match(generations.pageErrorMessage(422), /Clear the filters/);
    assert.match(generations.pageErrorMessage(404), /404/);
  });
});
