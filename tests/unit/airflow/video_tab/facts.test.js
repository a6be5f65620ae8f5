/** The labels and values of requests and generations, and their cost. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { generationFacts, requestFacts, sumText, totalCost } from "./facts.js";
import { FAILED, FINISHED, PREDICTION, REFUSED, WAITING } from "./predictions.js";


describe("facts", () => {
  it("name the request's fields as the API does, without the prompt", () => {
    assert.deepEqual(requestFacts(PREDICTION), [
      ["model", "doubao-seedance-2-0-fast-260128"],
      ["mode", "text-to-video"],
      ["aspect_ratio", "16:9"],
      ["duration", "5"],
      ["resolution", "720p (default)"],
    ]);
  });

  it("show a given resolution as it is", () => {
    const facts = requestFacts({ ...PREDICTION, parameters: { resolution: "480p" }, resolution: "480p" });
    assert.deepEqual(facts.slice(2), [["resolution", "480p"]]);
  });

  it("show files by their names, and other media in full", () => {
    const parameters = {
      image: "/srv/customers/acme/photo.png",
      last_image: "s3://aws@bucket/secret/last.png",
      images: ["https://a.example/1.png", "<data:image/png, 5,000 characters, from /srv/x.png>", "asset://a/1", "b.png"],
    };
    assert.deepEqual(requestFacts({ ...PREDICTION, parameters, resolution: null }).slice(2), [
      ["image", "photo.png"],
      ["last_image", "last.png"],
      ["images", "https://a.example/1.png\n<data:image/png, 5,000 characters, from /srv/x.png>\nasset://a/1\nb.png"],
    ]);
  });

  it("contain times and cost of the generation", () => {
    assert.deepEqual(generationFacts(PREDICTION, "UTC"), [
      ["Submitted", "2026-01-01 00:00:00 UTC"],
      ["Finished", "2026-01-01 00:01:35 UTC"],
      ["Waited", "1 min 35 s"],
      ["Generated in", "1 min 8 s"],
      ["Size", "1280 × 720"],
      ["Estimated cost", "$0.50 (list price estimate)"],
      ["Submissions", "1"],
      ["Total cost", "$0.50 (list price estimate)"],
    ]);
  });

  it("do not call a timeout finished", () => {
    const gone = { ...WAITING, error: "gave up waiting", finished_at: FINISHED, seen_at: "2026-01-01T00:00:02+00:00" };
    assert.deepEqual(generationFacts(gone, "UTC").slice(1, 4), [
      ["Last seen", "queued, 2026-01-01 00:00:02 UTC"],
      ["Gave up", "2026-01-01 00:01:35 UTC"],
      ["Waited", "1 min 35 s"],
    ]);
  });

  it("leave out unknown values", () => {
    const times = { submitted_at: null, created_at: null, seen_at: null, width: null, resolution: null };
    const costs = { estimated_cost_usd: null, submissions: null, total_cost_usd: null };
    const unknown = { ...WAITING, ...times, ...costs, mode: null, model: null, parameters: {} };
    assert.deepEqual(requestFacts(unknown), []);
    assert.deepEqual(generationFacts(unknown, "UTC"), []);
  });

  it("are empty without a submission, and contain no price", () => {
    const refused = { ...REFUSED, submissions: 0, total_cost_usd: 0 };
    assert.deepEqual(generationFacts(refused, "UTC"), []);
  });

  // Three submissions of 0.499 USD each.
  for (const [when, prediction, expected] of [
    ["a retry was paid", { ...PREDICTION, submissions: 3, total_cost_usd: 1.497 }, ["3 in all tries", "$1.50"]],
    ["the task failed", { ...FAILED, submissions: 3, total_cost_usd: 1.497 }, ["3 in all tries", "$1.50"]],
    ["the last try sent nothing", { ...REFUSED, submissions: 1, total_cost_usd: 0.499 }, ["1", "$0.50"]],
    ["a price is unknown", { ...PREDICTION, submissions: 2, total_cost_usd: null }, ["2 in all tries", "unknown"]],
  ])
    it(`end with submissions and total cost if ${when}`, () => {
      const [submissions, total] = generationFacts(prediction, "UTC").slice(-2);
      assert.deepEqual(submissions, ["Submissions", expected[0]]);
      assert.equal(total[0], "Total cost");
      assert.ok(total[1].startsWith(expected[1]));
    });

  it("contain neither submissions nor total cost if their number is unknown", () => {
    const unknown = { ...PREDICTION, submissions: null, total_cost_usd: null };
    assert.equal(generationFacts(unknown, "UTC").at(-1)[0], "Estimated cost");
  });
});

describe("totalCost", () => {
  for (const [what, prediction, cost] of [
    ["all submissions", { ...PREDICTION, submissions: 3, total_cost_usd: 1.497 }, 1.497],
    ["a failure that was paid", FAILED, 0.499],
    ["submissions of unknown price", { ...PREDICTION, submissions: 2, total_cost_usd: null }, null],
    ["an unknown number of submissions", { ...PREDICTION, submissions: null, total_cost_usd: null }, 0.499],
    ["an unknown price", { ...PREDICTION, submissions: null, total_cost_usd: null, estimated_cost_usd: null }, null],
    ["nothing submitted", { ...REFUSED, submissions: 0, total_cost_usd: 0 }, 0],
    ["nothing recorded", { ...REFUSED, submissions: null, total_cost_usd: null }, 0],
  ])
    it(`is ${cost} for ${what}`, () => assert.equal(totalCost(prediction), cost));
});

describe("sumText", () => {
  it("adds up the prices of the page", () => {
    const paid = { ...PREDICTION, submissions: 2, total_cost_usd: 0.998 };
    assert.equal(sumText([PREDICTION, paid]), "$1.50 (list price estimate) on this page");
  });

  it("counts unknown prices", () => {
    const unknown = { ...PREDICTION, submissions: 2, total_cost_usd: null };
    assert.equal(sumText([PREDICTION, unknown]), "$0.50 (list price estimate) on this page, without 1 of unknown price");
  });
});
