/** All instances of a mapped task, in pages. */

import { AIRFLOW, getCopies, getXCom } from "./airflow.js";
import { fill, make, makeBadge, makeLink } from "./dom.js";
import { sumText, totalCost } from "./facts.js";
import { makeStoredPlayer } from "./files.js";
import { copiesOf, isFinal, isReference, isTransfer, readPrediction, stateBadge, tileText, videos } from "./model.js";
import { Pages } from "./pages.js";
import { makePlayer } from "./player.js";
import { readStored } from "./stored.js";
import { dollarText } from "./texts.js";
import { tabUrl } from "./urls.js";

/** @typedef {import("./model.js").TaskInstance} TaskInstance */
/** @typedef {import("./urls.js").Copy} Copy */
/** @typedef {import("./urls.js").TaskKey} TaskKey */

export const PAGE_SIZE = 24;

/** Shows a page of a mapped task's instances, and updates only the tiles that changed. */
export class GridView {
  /** @type {Map<number, Tile>} */
  #tiles = new Map();
  #list = make("ul", { className: "tiles" });
  #sum = make("p", { className: "sum" });
  #pages;

  /** @param {(offset: number) => void} showPage Called with the offset of another page. */
  constructor(showPage) {
    this.offset = 0;
    this.#pages = new Pages("Pages", PAGE_SIZE, showPage);
    this.element = make("article", {}, this.#pages.element, this.#sum, this.#list);
  }

  /**
   * @param {TaskKey} key
   * @param {TaskInstance[]} tasks
   * @param {number} total
   * @param {number} offset
   * @returns {Promise<boolean>} Whether one of them has a prediction, or a reference to one.
   */
  async show(key, tasks, total, offset) {
    this.offset = offset;
    this.#pages.show(offset, tasks.length, total);
    const indexes = new Set(tasks.map((task) => task.map_index));
    for (const index of this.#tiles.keys()) if (!indexes.has(index)) this.#tiles.delete(index);
    const tiles = tasks.map((task) => this.#tile(key, task));
    const elements = tiles.map((tile) => tile.element);
    // A video that is inserted again loads again.
    if (elements.length !== this.#list.children.length || elements.some((each, i) => each !== this.#list.children[i]))
      this.#list.replaceChildren(...elements);
    await Promise.all(tiles.map((tile) => tile.load()));
    const predictions = tiles.flatMap(({ prediction }) => prediction ?? []);
    const copies = await getCopies(predictions.flatMap(({ id, outputs }) => (id && outputs.length ? id : [])));
    for (const tile of tiles) tile.show(copies[tile.prediction?.id ?? ""] ?? []);
    this.#sum.textContent = predictions.length > 0 ? sumText(predictions) : "";
    return tiles.some((tile) => tile.hasContent);
  }

  /**
   * @param {TaskKey} key
   * @param {TaskInstance} task
   */
  #tile(key, task) {
    let tile = this.#tiles.get(task.map_index);
    if (tile === undefined) {
      tile = new Tile({ ...key, mapIndex: task.map_index }, task);
      this.#tiles.set(task.map_index, tile);
    }
    tile.task = task;
    return tile;
  }
}

/** One instance: its video, label and state, and a link to its own tab. */
class Tile {
  /** @type {TaskKey} */
  #key;
  #loadedVersion = "";
  /** @type {unknown} */
  #value = null;

  /**
   * @param {TaskKey} key
   * @param {TaskInstance} task
   */
  constructor(key, task) {
    this.#key = key;
    this.task = task;
    this.element = make("li");
  }

  get prediction() {
    return readPrediction(this.#value);
  }

  /** Whether it has an XCom of this provider, or a reference to one. */
  get hasContent() {
    return this.prediction !== null || readStored(this.#value) !== null || isReference(this.#value);
  }

  /** Request the XCom if it can have changed. */
  async load() {
    const { task } = this;
    const version = JSON.stringify([task.state, task.try_number]);
    if (version === this.#loadedVersion && (this.hasContent || isFinal(task))) return;
    this.#value = await getXCom(this.#key, isTransfer(task) ? "stored" : "prediction");
    this.#loadedVersion = version;
  }

  /** @param {Copy[]} copies The stored copies of the prediction's videos. */
  show(copies) {
    const { task, prediction } = this;
    const label = task.rendered_map_index ?? String(task.map_index);
    fill(this.element, [label, task.state, this.#value, copies], () => [
      this.#makeMedia(label, copies),
      makeLink(tabUrl(AIRFLOW, this.#key), "_top", { className: "label", title: label }, label),
      make("div", {}, makeBadge(stateBadge(task)), ...(prediction === null ? [] : [` ${priceText(prediction)}`])),
      ...(prediction?.error ? [make("p", { className: "error", title: prediction.error }, prediction.error)] : []),
    ]);
  }

  /**
   * @param {string} label
   * @param {Copy[]} copies
   */
  #makeMedia(label, copies) {
    const { prediction } = this;
    const [file] = readStored(this.#value) ?? [];
    if (file !== undefined) return makeStoredPlayer(this.#key, file, 0, { controls: false });
    const [video] = prediction === null ? [] : videos(prediction);
    if (prediction === null || video === undefined) return make("div", { className: "stage" }, tileText(this.#value));
    const { url, flagged, index } = video;
    return makePlayer({ links: [url], copies: copiesOf(prediction, copies, index), flagged, label, controls: false });
  }
}

/** @param {import("./model.js").Prediction} prediction */
function priceText(prediction) {
  const cost = totalCost(prediction);
  return cost === null ? "price unknown" : dollarText(cost);
}
