/** The days of the chart. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { everyDay, highestDay } from "./chart.js";

const day = (day, usd = 1, count = 1) => ({ day, usd, count });

describe("everyDay", () => {
  it("has a gap for each day without a generation, over the end of a month", () => {
    assert.deepEqual(everyDay([day("2026-12-02"), day("2026-11-29", 2.5)]), [
      day("2026-11-29", 2.5),
      day("2026-11-30", 0, 0),
      day("2026-12-01", 0, 0),
      day("2026-12-02"),
    ]);
  });

  it("has each day once when clocks change", () => {
    const days = everyDay([day("2026-03-27"), day("2026-03-31")]).map((each) => each.day);
    assert.deepEqual(days, ["2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"]);
  });

  it("has no gaps over many years, of which the drawing would be too large", () => {
    assert.deepEqual(everyDay([day("8000-01-01"), day("2026-01-01")]), [day("2026-01-01"), day("8000-01-01")]);
  });

  it("is empty without days", () => assert.deepEqual(everyDay([]), []));

  it("is one day for one day", () => assert.deepEqual(everyDay([day("2028-02-29")]), [day("2028-02-29")]));
});

describe("highestDay", () => {
  it("is the first of the days with the highest sum", () => {
    assert.equal(highestDay([day("2026-01-01"), day("2026-01-02", 3), day("2026-01-03", 3)]).day, "2026-01-02");
  });
});
