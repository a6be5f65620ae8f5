/** The key of the task instance, and the URLs. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as urls from "./urls.js";

const RUN = "manual__2026-01-01T00:00:00+00:00";
const KEY = { dag: "boats", run: RUN, task: "group.boat", mapIndex: -1 };

describe("readTaskKey", () => {
  it("decodes encoded values", () => {
    const search = `?dag=boats&run=${encodeURIComponent(RUN)}&task=group.boat&map_index=7`;
    assert.deepEqual(urls.readTaskKey(search), { ...KEY, mapIndex: 7 });
  });

  it("reads the unencoded values of Airflow 3.1", () => {
    assert.deepEqual(urls.readTaskKey(`?dag=boats&run=${RUN}&task=group.boat&map_index=0`), { ...KEY, mapIndex: 0 });
  });

  it("keeps a percent sign that is no encoding", () => {
    assert.equal(urls.readTaskKey("?dag=100%&run=r&task=t")?.dag, "100%");
  });

  it("keeps an equals sign in a value", () => {
    assert.equal(urls.readTaskKey("?dag=d&run=a=b&task=t")?.run, "a=b");
  });

  for (const text of ["{MAP_INDEX}", "%7BMAP_INDEX%7D", "-1", "", "1.5", "x"]) {
    it(`reads "${text}" as no map index`, () => {
      assert.equal(urls.readTaskKey(`?dag=d&run=r&task=t&map_index=${text}`)?.mapIndex, -1);
    });
  }

  for (const search of ["", "?", "?dag=d&run=r", "?dag=&run=r&task=t"]) {
    it(`returns null for "${search}"`, () => assert.equal(urls.readTaskKey(search), null));
  }
});

describe("URL functions", () => {
  const encoded = "manual__2026-01-01T00%3A00%3A00%2B00%3A00";

  it("derive the base URL from the page, with and without a path", () => {
    assert.equal(urls.airflowUrl("https://a.example/seedance/video?dag=x/y"), "https://a.example/");
    assert.equal(urls.airflowUrl("https://a.example/team/af/seedance/video#x"), "https://a.example/team/af/");
  });

  it("encode every part", () => {
    const key = { dag: "a/b", run: RUN, task: "c?d#e", mapIndex: -1 };
    const task = `https://a.example/api/v2/dags/a%2Fb/dagRuns/${encoded}/taskInstances/c%3Fd%23e`;
    assert.equal(urls.taskInstanceUrl("https://a.example/", key), task);
    assert.equal(urls.taskInstanceUrl("https://a.example/", { ...key, mapIndex: 3 }), `${task}/3`);
    assert.equal(
      urls.xcomUrl("https://a.example/", { ...key, mapIndex: 3 }, "stored"),
      `${task}/xcomEntries/stored?map_index=3`,
    );
    assert.equal(
      urls.mappedInstancesUrl("https://a.example/", key, 24, 48),
      `${task}/listMapped?order_by=map_index&limit=24&offset=48`,
    );
  });

  it("return the tab of a task instance", () => {
    const run = `https://a.example/af/dags/boats/runs/${encoded}`;
    assert.equal(urls.tabUrl("https://a.example/af/", KEY), `${run}/tasks/group.boat/plugin/seedance-video`);
    assert.equal(
      urls.tabUrl("https://a.example/af/", { ...KEY, mapIndex: 0 }),
      `${run}/tasks/group.boat/mapped/0/plugin/seedance-video`,
    );
  });

  it("return stored files, their posters and the copies of predictions", () => {
    const copy = { dag_id: "a&b", run_id: RUN, task_id: "t", map_index: -1, file: 2, has_poster: true };
    const stored = `https://a.example/af/seedance/stored?dag_id=a%26b&run_id=${encoded}&task_id=t&map_index=-1&file=2`;
    assert.equal(urls.storedUrl("https://a.example/af/", copy), stored);
    assert.equal(urls.storedUrl("https://a.example/af/", copy, { poster: true }), `${stored}&poster=true`);
    assert.equal(
      urls.storedUrl("https://a.example/af/", { ...copy, map_index: 0, region_id: "7f" }),
      stored.replace("map_index=-1", "map_index=0&region_id=7f"),
    );
    assert.equal(
      urls.copiesUrl("https://a.example/", ["x", "y&z"]),
      "https://a.example/seedance/api/copies?prediction_id=x&prediction_id=y%26z",
    );
  });

  it("return the generations that match the given filters", () => {
    assert.equal(
      urls.generationsUrl("https://a.example/", { dag_id: "", text: "a b+c", limit: 24, offset: 0 }),
      "https://a.example/seedance/api/generations?text=a%20b%2Bc&limit=24&offset=0",
    );
  });

  it("return the file of the same generations", () => {
    const filters = { dag_id: "a?b", text: "what?" };
    const url = urls.csvUrl("https://a.example/af/", filters);
    assert.equal(url, "https://a.example/af/seedance/api/generations.csv?dag_id=a%3Fb&text=what%3F");
  });

  it("contain any text of an XCom", () => {
    const url = urls.copiesUrl("https://a.example/", ["a\ud800b", "🚢"]);
    assert.deepEqual(new URL(url).searchParams.getAll("prediction_id"), ["a\ufffdb", "🚢"]);
  });

  it("return the page of a DAG", () => {
    assert.equal(urls.dagUrl("https://a.example/af/", "a&b/c"), "https://a.example/af/dags/a%26b%2Fc");
  });

  it("return the page of all instances for one instance", () => {
    assert.deepEqual(urls.readTaskKey(urls.allInstancesUrl({ ...KEY, mapIndex: 3 })), KEY);
  });
});

describe("webUrl", () => {
  it("returns http and https URLs", () => {
    for (const url of ["https://cdn.example/1.mp4?a=b%2Bc", "http://127.0.0.1:8080/1.mp4"])
      assert.equal(urls.webUrl(url), url);
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
    it(`returns null for ${JSON.stringify(value)}`, () => assert.equal(urls.webUrl(value), null));
});
