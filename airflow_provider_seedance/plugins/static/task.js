/** One task instance: its videos, request and generation. */

import { fill, make, makeBadge, makeCopyable, makeFacts } from "./dom.js";
import { generationFacts, requestFacts } from "./facts.js";
import { badge, copiesOf, notes, seenText, videos, waitingSince } from "./model.js";
import { makePlayer } from "./player.js";
import { durationText, readTimeZone } from "./texts.js";

/** @typedef {import("./model.js").Prediction} Prediction */
/** @typedef {import("./model.js").TaskInstance} TaskInstance */
/** @typedef {import("./urls.js").Copy} Copy */

/** Shows a task instance, and updates only the elements that changed. */
export class TaskView {
  #head = make("header", { role: "status" });
  #elapsed = make("span", { className: "elapsed" });
  #media = make("section", { className: "media", ariaLabel: "Videos" });
  #details = make("section", { className: "details", ariaLabel: "Details" });
  /** @type {Prediction | null} */
  #prediction = null;
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
   * @param {Copy[]} copies The stored copies of the prediction's videos.
   */
  show(task, prediction, copies) {
    this.#prediction = prediction;
    this.#since = waitingSince(task, prediction);
    this.#tick();
    this.#showHead(task, prediction, copies.length > 0);
    const playable = videos(prediction);
    this.#media.hidden = playable.length === 0;
    fill(this.#media, [playable, copies], () =>
      playable.map(({ url, flagged, index }) =>
        makePlayer({ links: [url], copies: copiesOf(prediction, copies, index), flagged, label: `Video ${index + 1}` }),
      ),
    );
    fill(this.#details, prediction, () => makeDetails(prediction));
  }

  /**
   * @param {TaskInstance} task
   * @param {Prediction} prediction
   * @param {boolean} isStored
   */
  #showHead(task, prediction, isStored) {
    const head = {
      badge: badge(task, prediction),
      error: prediction.error,
      notes: notes(task, prediction, isStored, Date.now()),
    };
    fill(this.#head, head, () => [
      makeBadge(head.badge),
      ...(head.error ? [make("p", { className: "error" }, head.error)] : []),
      ...head.notes.map((note) => make("p", {}, note)),
    ]);
  }

  #tick() {
    const [since, now] = [this.#since, Date.now()];
    const seen = this.#prediction === null ? "" : seenText(this.#prediction, now);
    this.#elapsed.textContent =
      since === null ? "" : [`waiting for ${durationText((now - since) / 1000)}`, seen].filter(Boolean).join("; ");
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
