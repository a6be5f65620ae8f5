/** A page of generations, as tiles. */

import { AIRFLOW } from "./airflow.js";
import { fill, make, makeBadge, makeLink } from "./dom.js";
import { generationKey, OUTCOMES, priceText, promptText, taskText } from "./generations.js";
import { copiesOf, readPrediction, tileText, videos } from "./model.js";
import { makePlayer } from "./player.js";
import { ageText, readTime, readTimeZone, timeText } from "./texts.js";
import { dagUrl, tabUrl } from "./urls.js";

/** @typedef {import("./generations.js").Generation} Generation */
/** @typedef {import("./model.js").Prediction} Prediction */

/** Shows tiles, and moves no tile that stays: a frame with a video that moves loads again. */
export class TileList {
  element = make("ul", { className: "tiles" });
  /** @type {Map<string, Tile>} */
  #tiles = new Map();

  /** @param {Generation[]} generations */
  show(generations) {
    const shown = new Map(
      generations.map((generation) => {
        const key = JSON.stringify(generationKey(generation));
        return [key, this.#tiles.get(key) ?? new Tile()];
      }),
    );
    for (const [key, { element }] of this.#tiles) if (!shown.has(key)) element.remove();
    this.#tiles = shown;
    [...shown.values()].forEach((tile, index) => {
      tile.show(/** @type {Generation} */ (generations[index]));
      const other = this.element.children[index] ?? null;
      if (other !== tile.element) this.element.insertBefore(tile.element, other);
    });
  }
}

/** One generation: its video, prompt, task, outcome, price and age. */
class Tile {
  element = make("li");
  #age = make("time", { className: "quiet" });

  /** @param {Generation} generation */
  show(generation) {
    fill(this.element, generation, () => makeContent(generation, this.#age));
    const pushed = readTime(generation.pushed_at);
    this.#age.dateTime = generation.pushed_at;
    this.#age.title = timeText(pushed, readTimeZone(localStorage.getItem("timezone")));
    this.#age.textContent = pushed === null ? "" : ageText((Date.now() - pushed) / 1000);
  }
}

/**
 * @param {Generation} generation
 * @param {HTMLElement} age
 */
function makeContent(generation, age) {
  const key = generationKey(generation);
  const prediction = readPrediction(generation.prediction);
  const prompt = promptText(generation, prediction);
  const badge = makeBadge(OUTCOMES[generation.outcome]);
  return [
    makeMedia(generation, prediction, prompt),
    make("p", { className: "prompt", title: prompt }, prompt),
    make(
      "p",
      {},
      makeLink(dagUrl(AIRFLOW, key.dag), "_top", {}, generation.dag_id),
      " · ",
      makeLink(tabUrl(AIRFLOW, key), "_top", {}, taskText(generation)),
    ),
    make("p", { className: "facts" }, badge, make("span", {}, priceText(generation)), age),
    ...(prediction?.error ? [make("p", { className: "error", title: prediction.error }, prediction.error)] : []),
  ];
}

/**
 * @param {Generation} generation
 * @param {Prediction | null} prediction
 * @param {string} label
 */
function makeMedia({ copies, prediction: value }, prediction, label) {
  const [video] = prediction === null ? [] : videos(prediction);
  if (prediction === null || video === undefined) return make("div", { className: "stage" }, tileText(value));
  const { url, flagged, index } = video;
  return makePlayer({ links: [url], copies: copiesOf(prediction, copies, index), flagged, label });
}
