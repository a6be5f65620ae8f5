/** A task that stores videos: its files. */

import { fill, make, makeBadge, makeCopyable, makeFacts } from "./dom.js";
import { stateBadge } from "./model.js";
import { makePlayer } from "./player.js";
import { storedFacts } from "./stored.js";
import { baseName } from "./texts.js";

/** @typedef {import("./stored.js").StoredFile} StoredFile */
/** @typedef {import("./urls.js").TaskKey} TaskKey */

/** Shows the files that a task instance has stored, and updates only what changed. */
export class FilesView {
  #head = make("div", { className: "head" });
  #files = make("div");

  constructor() {
    this.element = make("article", {}, this.#head, this.#files);
  }

  /**
   * @param {TaskKey} key
   * @param {import("./model.js").TaskInstance} task
   * @param {StoredFile[]} files
   */
  show(key, task, files) {
    const badge = stateBadge(task);
    fill(this.#head, [badge, files.length], () => [makeBadge(badge), countText(files.length)]);
    fill(this.#files, files, () => files.map((file, index) => makeFile(key, file, index)));
  }
}

/** @param {number} count */
function countText(count) {
  return count === 1 ? "1 stored file" : `${count} stored files`;
}

/**
 * @param {TaskKey} key
 * @param {StoredFile} file
 * @param {number} index
 */
function makeFile(key, file, index) {
  const media = make("section", { className: "media", ariaLabel: "Video" }, makeStoredPlayer(key, file, index));
  /** @type {[string, Node | string][]} */
  const facts = [["Path", makeCopyable(file.path, "the path")], ...storedFacts(file)];
  if (file.sha256 !== null) facts.push(["SHA-256", makeCopyable(file.sha256, "the SHA-256")]);
  const details = make("section", { className: "details", ariaLabel: "File" }, makeFacts(facts));
  return make("div", { className: "columns" }, media, details);
}

/**
 * @param {TaskKey} key
 * @param {StoredFile} file
 * @param {number} index
 * @param {{controls?: boolean}} options
 */
export function makeStoredPlayer({ dag, run, task, mapIndex }, { path, hasPoster }, index, { controls = true } = {}) {
  const place = { dag_id: dag, run_id: run, task_id: task, map_index: mapIndex };
  const copies = [{ ...place, file: index, index, has_poster: hasPoster }];
  return makePlayer({ links: [], copies, flagged: false, label: baseName(path), controls });
}
