/** All instances of a mapped task, in pages. */

import { AIRFLOW, getXCom } from "./airflow.js";
import { make, makeBadge, makeLink } from "./dom.js";
import { isFinal, isReference, readPrediction, stateBadge, tileText, videos } from "./model.js";
import { makePlayer } from "./player.js";
import { tabUrl } from "./urls.js";

/** @typedef {import("./model.js").TaskInstance} TaskInstance */
/** @typedef {import("./urls.js").TaskKey} TaskKey */

export const PAGE_SIZE = 24;

/** Shows a page of a mapped task's instances, and updates only the tiles that changed. */
export class GridView {
  /** @type {Map<number, Tile>} */
  #tiles = new Map();
  #list = make("ul", { className: "tiles" });
  #range = make("span", { role: "status" });
  #previous = make("button", { type: "button" }, "Previous");
  #next = make("button", { type: "button" }, "Next");

  /** @param {(offset: number) => void} showPage Called with the offset of another page. */
  constructor(showPage) {
    this.offset = 0;
    this.#previous.addEventListener("click", () => showPage(this.offset - PAGE_SIZE));
    this.#next.addEventListener("click", () => showPage(this.offset + PAGE_SIZE));
    const pages = make("nav", { ariaLabel: "Pages" }, this.#range, this.#previous, this.#next);
    this.element = make("article", {}, pages, this.#list);
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
    this.#range.textContent = total === 0 ? "No instances" : `${offset + 1}–${offset + tasks.length} of ${total}`;
    this.#previous.disabled = offset === 0;
    this.#next.disabled = offset + tasks.length >= total;
    const indexes = new Set(tasks.map((task) => task.map_index));
    for (const index of this.#tiles.keys()) if (!indexes.has(index)) this.#tiles.delete(index);
    const tiles = tasks.map((task) => this.#tile(key, task));
    const elements = tiles.map((tile) => tile.element);
    // A video that is inserted again loads again.
    if (elements.length !== this.#list.children.length || elements.some((each, i) => each !== this.#list.children[i]))
      this.#list.replaceChildren(...elements);
    await Promise.all(tasks.map((task) => this.#tile(key, task).show(task)));
    return tiles.some((tile) => tile.hasContent);
  }

  /**
   * @param {TaskKey} key
   * @param {TaskInstance} task
   */
  #tile(key, task) {
    let tile = this.#tiles.get(task.map_index);
    if (tile === undefined) {
      tile = new Tile({ ...key, mapIndex: task.map_index });
      this.#tiles.set(task.map_index, tile);
    }
    return tile;
  }
}

/** One instance: its video, label and state, and a link to its own tab. */
class Tile {
  /** @type {TaskKey} */
  #key;
  #shownVersion = "";
  hasContent = false;

  /** @param {TaskKey} key */
  constructor(key) {
    this.#key = key;
    this.element = make("li");
  }

  /**
   * Show the instance, and request its prediction only if it can have changed.
   *
   * @param {TaskInstance} task
   */
  async show(task) {
    const version = JSON.stringify([task.state, task.try_number, task.rendered_map_index]);
    if (version === this.#shownVersion && (this.hasContent || isFinal(task))) return;
    const value = await getXCom(this.#key);
    const prediction = readPrediction(value);
    const has = prediction !== null || isReference(value);
    if (version === this.#shownVersion && has === this.hasContent) return;
    [this.#shownVersion, this.hasContent] = [version, has];
    const label = task.rendered_map_index ?? String(task.map_index);
    const [video] = prediction === null ? [] : videos(prediction);
    this.element.replaceChildren(
      video === undefined
        ? make("div", { className: "stage" }, tileText(value))
        : makePlayer({ links: [video.url], copies: [], flagged: video.flagged, label, controls: false }),
      makeLink(tabUrl(AIRFLOW, this.#key), "_top", { className: "label", title: label }, label),
      makeBadge(stateBadge(task)),
    );
  }
}
