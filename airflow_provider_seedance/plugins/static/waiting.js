/** What waits now, and for how long. */

import { AIRFLOW } from "./airflow.js";
import { fill, make, makeLink } from "./dom.js";
import { generationKey, generationStart, promptText, taskText } from "./generations.js";
import { readPrediction } from "./model.js";
import { countText, durationText, readTime } from "./texts.js";
import { tabUrl } from "./urls.js";

/** @typedef {import("./generations.js").Generation} Generation */
/** @typedef {import("./generations.js").Waiting} Waiting */

/** Shows the waits; their durations go on between two answers of the server. */
export class WaitingView {
  #summary = make("summary", {});
  #list = make("ul", {});
  element = make("details", { className: "waiting", hidden: true }, this.#summary, this.#list);

  constructor() {
    setInterval(() => this.#tick(), 1000);
  }

  /** @param {Waiting} waiting */
  show({ total, longest_since, generations }) {
    this.element.hidden = total === 0;
    fill(this.#summary, [total, longest_since], () => [
      `${countText(total)} waiting now, the longest for `,
      makeElapsed(readTime(longest_since)),
    ]);
    fill(this.#list, generations, () => generations.map(makeWait));
    this.#tick();
  }

  #tick() {
    for (const elapsed of this.element.querySelectorAll("span"))
      elapsed.textContent = durationText((Date.now() - Number(elapsed.dataset.since)) / 1000);
  }
}

/** @param {Generation} generation */
function makeWait(generation) {
  const name = `${generation.dag_id} · ${taskText(generation)}`;
  return make(
    "li",
    {},
    makeElapsed(generationStart(generation)),
    " ",
    makeLink(tabUrl(AIRFLOW, generationKey(generation)), "_top", {}, name),
    " ",
    promptText(generation, readPrediction(generation.prediction)),
  );
}

/** @param {number | null} since Milliseconds since 1970. */
function makeElapsed(since) {
  const elapsed = make("span", { className: "elapsed" });
  elapsed.dataset.since = String(since ?? Date.now());
  return elapsed;
}
