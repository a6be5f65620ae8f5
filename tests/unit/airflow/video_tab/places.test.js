/** Where things are. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as places from "./places.js";

const RUN = "manual__2026-01-01T00:00:00+00:00";
const PLACE = { dag: "boats", run: RUN, task: "group.boat", mapIndex: -1 };

describe("readPlace", () => {
  it("reads what Airflow encodes", () => {
    const search = `?dag=boats&run=${encodeURIComponent(RUN)}&task=group.boat&map_index=7`;
    assert.deepEqual(places.readPlace(search), { ...PLACE, mapIndex: 7 });
  });

  it("reads what Airflow 3.1 does not encode", () => {
    assert.deepEqual(places.readPlace(`?dag=boats&run=${RUN}&task=group.boat&map_index=0`), { ...PLACE, mapIndex: 0 });
  });

  it("takes a percent sign that encodes nothing for itself", () => {
    assert.equal(places.readPlace("?dag=100%&run=r&task=t")?.dag, "100%");
  });

  it("keeps an equals sign in a value", () => {
    assert.equal(places.readPlace("?dag=d&run=a=b&task=t")?.run, "a=b");
  });

  for (const text of ["{MAP_INDEX}", "%7BMAP_INDEX%7D", "-1", "", "1.5", "x"]) {
    it(`has no map index in "${text}"`, () => {
      assert.equal(places.readPlace(`?dag=d&run=r&task=t&map_index=${text}`)?.mapIndex, -1);
    });
  }

  for (const search of ["", "?", "?dag=d&run=r", "?dag=&run=r&task=t"]) {
    it(`finds no place in "${search}"`, () => assert.equal(places.readPlace(search), null));
  }
});

describe("addresses", () => {
  const encoded = "manual__2026-01-01T00%3A00%3A00%2B00%3A00";

  it("finds Airflow from the page, below a path or not", () => {
    assert.equal(places.airflowAddress("https://a.example/seedance/video?dag=x/y"), "https://a.example/");
    assert.equal(places.airflowAddress("https://a.example/team/af/seedance/video#x"), "https://a.example/team/af/");
  });

  it("quotes every part", () => {
    const place = { dag: "a/b", run: RUN, task: "c?d#e", mapIndex: -1 };
    const task = `https://a.example/api/v2/dags/a%2Fb/dagRuns/${encoded}/taskInstances/c%3Fd%23e`;
    assert.equal(places.taskInstanceAddress("https://a.example/", place), task);
    assert.equal(places.taskInstanceAddress("https://a.example/", { ...place, mapIndex: 3 }), `${task}/3`);
    assert.equal(
      places.predictionAddress("https://a.example/", { ...place, mapIndex: 3 }),
      `${task}/xcomEntries/prediction?map_index=3`,
    );
    assert.equal(
      places.mappedAddress("https://a.example/", place, 24, 48),
      `${task}/listMapped?order_by=map_index&limit=24&offset=48`,
    );
  });

  it("leads to the tab", () => {
    const run = `https://a.example/af/dags/boats/runs/${encoded}`;
    assert.equal(places.tabAddress("https://a.example/af/", PLACE), `${run}/tasks/group.boat/plugin/seedance-video`);
    assert.equal(
      places.tabAddress("https://a.example/af/", { ...PLACE, mapIndex: 0 }),
      `${run}/tasks/group.boat/mapped/0/plugin/seedance-video`,
    );
  });

  it("leads from one instance to all of them", () => {
    assert.deepEqual(places.readPlace(places.allAddress({ ...PLACE, mapIndex: 3 })), PLACE);
  });
});

describe("webAddress", () => {
  it("lets addresses of the web pass", () => {
    for (const address of ["https://cdn.example/1.mp4?a=b%2Bc", "http://127.0.0.1:8080/1.mp4"])
      assert.equal(places.webAddress(address), address);
  });

  for (const value of [
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "blob:https://a/1",
    "/1.mp4",
    "",
    null,
    7,
  ])
    it(`lets ${JSON.stringify(value)} not pass`, () => assert.equal(places.webAddress(value), null));
});
