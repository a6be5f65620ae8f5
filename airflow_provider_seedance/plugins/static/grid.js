/** All instances of a mapped task, a page at a time. */

import { AIRFLOW, getPrediction } from "./airflow.js";
import { make, makeBadge, makeLink } from "./dom.js";
import { isFinal, stateBadge, videos } from "./model.js";
import { tabAddress } from "./places.js";

/** @typedef {import("./model.js").TaskInstance} TaskInstance */
/** @typedef {import("./places.js").Place} Place */

export const PAGE_SIZE = 24;

/** Shows a page of a mapped task's instances, and changes only the tiles that have changed. */
export class GridView {
  /** @type {Map<number, Tile>} */
  #tiles = new Map();
  #list = make("ul", { className: "tiles" });
  #range = make("span", { role: "status" });
  #previous = make("button", { type: "button" }, "Previous");
  #next = make("button", { type: "button" }, "Next");

  /** @param {(offset: number) => void} turn Called with where another page begins. */
  constructor(turn) {
    this.offset = 0;
    this.#previous.addEventListener("click", () => turn(this.offset - PAGE_SIZE));
    this.#next.addEventListener("click", () => turn(this.offset + PAGE_SIZE));
    const pages = make("nav", { ariaLabel: "Pages" }, this.#range, this.#previous, this.#next);
    this.element = make("article", {}, pages, this.#list);
  }

  /**
   * @param {Place} place
   * @param {TaskInstance[]} tasks
   * @param {number} total
   * @param {number} offset
   * @returns {Promise<boolean>} Whether one of them has a prediction.
   */
  async show(place, tasks, total, offset) {
    this.offset = offset;
    this.#range.textContent = total === 0 ? "No instances" : `${offset + 1}–${offset + tasks.length} of ${total}`;
    this.#previous.disabled = offset === 0;
    this.#next.disabled = offset + tasks.length >= total;
    const indexes = new Set(tasks.map((task) => task.map_index));
    for (const index of this.#tiles.keys()) if (!indexes.has(index)) this.#tiles.delete(index);
    const tiles = tasks.map((task) => this.#tile(place, task));
    this.#list.replaceChildren(...tiles.map((tile) => tile.element));
    await Promise.all(tiles.map((tile, index) => tile.show(tasks[index])));
    return tiles.some((tile) => tile.hasPrediction);
  }

  /**
   * @param {Place} place
   * @param {TaskInstance} task
   */
  #tile(place, task) {
    let tile = this.#tiles.get(task.map_index);
    if (tile === undefined) {
      tile = new Tile({ ...place, mapIndex: task.map_index });
      this.#tiles.set(task.map_index, tile);
    }
    return tile;
  }
}

/** One instance: its video, its label and its state, and the way to its own tab. */
class Tile {
  /** @type {Place} */
  #place;
  #seen = "";
  hasPrediction = false;
  #link;

  /** @param {Place} place */
  constructor(place) {
    this.#place = place;
    this.#link = makeLink(tabAddress(AIRFLOW, place), "_top", {});
    this.element = make("li", {}, this.#link);
  }

  /**
   * Show the instance; its prediction is asked for only when it can be another than was seen.
   *
   * @param {TaskInstance} task
   */
  async show(task) {
    const seen = JSON.stringify([task.state, task.try_number, task.rendered_map_index]);
    if (seen === this.#seen && (this.hasPrediction || isFinal(task))) return;
    const prediction = await getPrediction(this.#place);
    const has = prediction !== null;
    if (seen === this.#seen && has === this.hasPrediction) return;
    [this.#seen, this.hasPrediction] = [seen, has];
    const label = task.rendered_map_index ?? String(task.map_index);
    const [video] = prediction === null ? [] : videos(prediction);
    this.#link.replaceChildren(
      video === undefined ? make("div", { className: "thumbnail" }) : makeThumbnail(video.url),
      make("span", { className: "label", title: label }, label),
      makeBadge(stateBadge(task)),
    );
  }
}

/** A video is loaded no earlier than it comes into view, and then only as far as its first frame. */
const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || !(target instanceof HTMLVideoElement)) continue;
    inView.unobserve(target);
    target.preload = "metadata";
    target.src = target.dataset.url ?? "";
  }
});

/** @param {string} url */
function makeThumbnail(url) {
  const video = make("video", {
    className: "thumbnail",
    preload: "none",
    muted: true,
    playsInline: true,
    tabIndex: -1,
  });
  video.dataset.url = url;
  video.addEventListener("error", () => {
    video.replaceWith(make("div", { className: "thumbnail" }, "Cannot be loaded"));
  });
  inView.observe(video);
  return video;
}
