/** Formats of times, durations and costs. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as texts from "./texts.js";

describe("timeText", () => {
  const time = texts.readTime("2026-01-01T23:30:05.25+00:00");

  it("formats a time in the user's time zone", () => {
    assert.equal(texts.timeText(time, "UTC"), "2026-01-01 23:30:05 UTC");
    assert.match(texts.timeText(time, "Asia/Tokyo"), /^2026-01-02 08:30:05 \S+$/);
  });

  it("returns an empty text without a time", () => {
    for (const iso of [null, "", "yesterday"]) assert.equal(texts.timeText(texts.readTime(iso), "UTC"), "");
  });
});

describe("readTimeZone", () => {
  it("reads Airflow's entry in local storage", () => assert.equal(texts.readTimeZone('"Europe/Berlin"'), "Europe/Berlin"));

  for (const stored of [null, "", "Europe/Berlin", '"Mars/Base"', "{}"])
    it(`returns undefined for ${stored}`, () => assert.equal(texts.readTimeZone(stored), undefined));
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
    it(`formats ${seconds} seconds as ${text}`, () => assert.equal(texts.durationText(seconds), text));
});

describe("ageText", () => {
  for (const [seconds, text] of [
    [-5, "just now"],
    [59.9, "just now"],
    [60, "1 min ago"],
    [3599, "59 min ago"],
    [3600, "1 h ago"],
    [47 * 3600, "47 h ago"],
    [48 * 3600, "2 days ago"],
    [400 * 86400, "400 days ago"],
  ])
    it(`says ${text} after ${seconds} seconds`, () => assert.equal(texts.ageText(seconds), text));
});

describe("countText and dollarText", () => {
  it("separate thousands", () => {
    assert.equal(texts.countText(5000), "5,000");
    assert.equal(texts.dollarText(1234567.891), "$1,234,567.89");
  });

  it("keep a sum of cents exact to the cent", () => assert.equal(texts.dollarText(0.1 + 0.2), "$0.30"));

  it("show a price below ten cents with three decimals", () => assert.equal(texts.dollarText(0.0408), "$0.041"));
});

describe("costText", () => {
  it("contains that it is an estimate", () => assert.equal(texts.costText(0.499), "$0.50 (list price estimate)"));
  it("has two decimals for nothing", () => assert.equal(texts.dollarText(0), "$0.00"));
  it("has three decimals for a low cost", () => assert.equal(texts.costText(0.0408), "$0.041 (list price estimate)"));
});

describe("valueText", () => {
  for (const [value, text] of [
    ["16:9", "16:9"],
    [true, "true"],
    [-1, "-1"],
    [["https://a.example/1.png", "https://a.example/2.png"], "https://a.example/1.png\nhttps://a.example/2.png"],
    [{ strength: 0.5 }, '{"strength":0.5}'],
  ])
    it(`formats ${JSON.stringify(value)}`, () => assert.equal(texts.valueText(value), text));
});

describe("baseName", () => {
  for (const [path, name] of [
    ["/srv/a b/1.mp4", "1.mp4"],
    ["s3://bucket/a/1.mp4", "1.mp4"],
    ["1.mp4", "1.mp4"],
    ["/srv/a/", "/srv/a/"],
  ])
    it(`is ${name} for ${path}`, () => assert.equal(texts.baseName(path), name));
});
