/** How times, lengths of time and amounts are written. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as texts from "./texts.js";

describe("timeText", () => {
  const time = texts.readTime("2026-01-01T23:30:05.25+00:00");

  it("writes a time in the reader's zone", () => {
    assert.equal(texts.timeText(time, "UTC"), "2026-01-01 23:30:05 UTC");
    assert.match(texts.timeText(time, "Asia/Tokyo"), /^2026-01-02 08:30:05 \S+$/);
  });

  it("writes nothing for no time", () => {
    for (const iso of [null, "", "yesterday"]) assert.equal(texts.timeText(texts.readTime(iso), "UTC"), "");
  });
});

describe("readTimeZone", () => {
  it("reads what Airflow keeps", () => assert.equal(texts.readTimeZone('"Europe/Berlin"'), "Europe/Berlin"));

  for (const stored of [null, "", "Europe/Berlin", '"Mars/Base"', "{}"])
    it(`leaves ${stored} to the browser`, () => assert.equal(texts.readTimeZone(stored), undefined));
});

describe("durationText", () => {
  for (const [seconds, text] of [
    [0, "0 s"],
    [-3, "0 s"],
    [59.4, "59 s"],
    [59.6, "1 min 0 s"],
    [75, "1 min 15 s"],
    [3599, "59 min 59 s"],
    [6300, "1 h 45 min"],
  ])
    it(`writes ${seconds} seconds as ${text}`, () => assert.equal(texts.durationText(seconds), text));
});

describe("costText", () => {
  it("says that it is an estimate", () => assert.equal(texts.costText(0.499), "$0.50 (list price estimate)"));
  it("keeps more of what is small", () => assert.equal(texts.costText(0.0408), "$0.041 (list price estimate)"));
});

describe("valueText", () => {
  for (const [value, text] of [
    ["16:9", "16:9"],
    [true, "true"],
    [-1, "-1"],
    [["https://a.example/1.png", "https://a.example/2.png"], "https://a.example/1.png\nhttps://a.example/2.png"],
    [{ strength: 0.5 }, '{"strength":0.5}'],
  ])
    it(`writes ${JSON.stringify(value)}`, () => assert.equal(texts.valueText(value), text));
});
