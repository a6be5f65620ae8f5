/** The files of a task that stores videos. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { messageWithoutFiles, readStored, storedFacts } from "./stored.js";

const SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const FILE = {
  path: "s3://aws@bucket/videos/1.mp4",
  source: "https://cdn.example/1.mp4",
  index: 0,
  bytes: 2_345_678,
  sha256: SHA,
  width: 1280,
  height: 720,
  seconds: 5.04,
  poster: "s3://aws@bucket/videos/1.jpg",
  sidecar: null,
};
const READ = { path: FILE.path, bytes: 2_345_678, sha256: SHA, width: 1280, height: 720, seconds: 5.04, hasPoster: true };

describe("readStored", () => {
  const value = { prediction_id: null, files: [FILE, { ...FILE, poster: null }] };

  it("reads a parsed value and JSON text", () => {
    for (const given of [value, JSON.stringify(value)])
      assert.deepEqual(readStored(given), [READ, { ...READ, hasPoster: false }]);
  });

  it("ignores fields of a wrong type", () => {
    const strange = { path: 1, bytes: "2", sha256: 3, width: null, seconds: {}, poster: true };
    const [read] = readStored({ files: [strange, 7, null] });
    assert.deepEqual(Object.values(read), ["", null, null, null, null, null, false]);
  });

  for (const other of [null, "", "s3://bucket/key", [], {}, { files: {} }])
    it(`returns null for ${JSON.stringify(other)}`, () => assert.equal(readStored(other), null));
});

describe("storedFacts", () => {
  it("contain size, frame and length", () => {
    assert.deepEqual(storedFacts(READ), [
      ["Size", "2.3 MB"],
      ["Frame", "1280 × 720"],
      ["Length", "5 s"],
    ]);
    assert.deepEqual(storedFacts({ ...READ, bytes: 93752 })[0], ["Size", "93.8 kB"]);
  });

  it("leave out unknown values", () => {
    assert.deepEqual(storedFacts({ ...READ, bytes: null, height: null, seconds: null }), []);
  });
});

describe("messageWithoutFiles", () => {
  for (const [state, value, pattern] of [
    ["success", "s3://bucket/key", /cannot read/],
    ["success", null, /XComs do not exist/],
    ["failed", null, /failed.*log/],
    ["upstream_failed", null, /upstream/],
    ["skipped", null, /skipped/],
    ["running", null, /stored yet/],
    [null, null, /stored yet/],
  ])
    it(`matches ${pattern} in state ${state} with ${value}`, () => {
      assert.match(messageWithoutFiles({ state }, value), pattern);
    });
});
