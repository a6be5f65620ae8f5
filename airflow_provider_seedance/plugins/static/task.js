/** One task instance: its videos, request and generation. */

import { fill, make, makeBadge, makeCopyable, makeFacts } from "./dom.js";
import { badge, generationFacts, notes, requestFacts, videos, waitingSince } from "./model.js";
import { makePlayer } from "./player.js";
import { durationText, readTimeZone } from "./texts.js";

/** @typedef {import("./model.js").Prediction} Prediction */
/** @typedef {import("./model.js").TaskInstance} TaskInstance */

/** Shows a task instance, and updates only the elements that changed. */
export class TaskView {
  #head = make("header", { role: "status" });
  #elapsed = make("span", { className: "elapsed" });
  #media = make("section", { className: "media", ariaLabel: "Videos" });
  #details = make("section", { className: "details", ariaLabel: "Details" });
  /** @type {number | null} */
  #since = null;

  constructor() {
    this.element = make(
      "article",
      {},
      make("div", { className: "head" }, this.#head, this.#elapsed),
      make("div", { className: "columns" }, this.#media, this.#details),
    );
    setInterval(() => this.#tick(), 1000);
  }

  /**
   * @param {TaskInstance} task
   * @param {Prediction} prediction
   */
  show(task, prediction) {
    this.#since = waitingSince(task, prediction);
    this.#tick();
    this.#showHead(task, prediction);
    const playable = videos(prediction);
    this.#media.hidden = playable.length === 0;
    fill(this.#media, playable, () =>
      playable.map(({ url, flagged }, index) =>
        makePlayer({ links: [url], copies: [], flagged, label: `Video ${index + 1}` }),
      ),
    );
    fill(this.#details, prediction, () => makeDetails(prediction));
  }

  /**
   * @param {TaskInstance} task
   * @param {Prediction} prediction
   */
  #showHead(task, prediction) {
    const head = {
      badge: badge(task, prediction),
      error: prediction.error,
      notes: notes(task, prediction, Date.now()),
    };
    fill(this.#head, head, () => [
      makeBadge(head.badge),
      ...(head.error ? [make("p", { className: "error" }, head.error)] : []),
      ...head.notes.map((note) => make("p", {}, note)),
    ]);
  }

  #tick() {
    this.#elapsed.textContent =
      this.#since === null ? "" : `waiting for ${durationText((Date.now() - this.#since) / 1000)}`;
  }
}

/** @param {Prediction} prediction */
function makeDetails(prediction) {
  const { prompt } = prediction.parameters;
  const timeZone = readTimeZone(localStorage.getItem("timezone"));
  /** @type {[string, Node | string][]} */
  const facts = generationFacts(prediction, timeZone);
  if (prediction.id) facts.push(["Prediction", makeCopyable(prediction.id, "the prediction's id")]);
  const request = requestFacts(prediction);
  return [
    ...(typeof prompt === "string" ? [make("h2", {}, "Prompt"), make("p", { className: "prompt" }, prompt)] : []),
    ...(facts.length > 0 ? [make("h2", {}, "Generation"), makeFacts(facts)] : []),
    ...(request.length > 0 ? [make("h2", {}, "Request"), makeFacts(request)] : []),
  ];
}
