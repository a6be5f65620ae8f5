/** The filters in the address of the page of all generations. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { filterSearch, hasFilters, lastOffset, NO_FILTERS, readFilters } from "./filters.js";

const FILTERS = {
  dag_id: "team a/boats",
  model: "doubao-seedance-2-0-260128",
  outcome: "timed_out",
  since: "2026-11-01",
  until: "2026-11-27",
  text: "50% \u201cboat\u201d & <b>sea+sky</b> \u6d77",
  offset: 48,
};

describe("the address", () => {
  it("keeps every filter and the page", () => assert.deepEqual(readFilters(filterSearch(FILTERS)), FILTERS));

  it("is empty without filters on the first page", () => assert.equal(filterSearch(NO_FILTERS), ""));

  it("names only what filters", () => assert.equal(filterSearch({ ...NO_FILTERS, outcome: "failed" }), "?outcome=failed"));

  it("may have other names, which do not filter", () => {
    assert.deepEqual(readFilters("?tab=x&model=m&__proto__=1&limit=9"), { ...NO_FILTERS, model: "m" });
  });

  for (const offset of ["-24", "1e3", "", "abc", "99999999999", "2.5"])
    it(`starts at the first page if the offset is ${JSON.stringify(offset)}`, () =>
      assert.equal(readFilters(`?offset=${offset}`).offset, 0));
});

describe("hasFilters", () => {
  it("does not count the page", () => {
    assert.equal(hasFilters({ ...NO_FILTERS, offset: 24 }), false);
    for (const name of ["dag_id", "model", "outcome", "since", "until", "text"])
      assert.equal(hasFilters({ ...NO_FILTERS, [name]: "x" }), true);
  });
});

describe("lastOffset", () => {
  for (const [total, offset] of [[0, 0], [1, 0], [24, 0], [25, 24], [48, 24], [5000, 4992]])
    it(`is ${offset} for ${total} generations on pages of 24`, () => assert.equal(lastOffset(total, 24), offset));
});
