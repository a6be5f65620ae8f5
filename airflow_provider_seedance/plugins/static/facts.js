/** The labels and values of a generation, and its cost. This module uses neither the document nor the network. */

import { FINAL_STATUSES, startTime, statusWord } from "./model.js";
import { baseName, costText, durationText, readTime, timeText, valueText } from "./texts.js";

/** @typedef {import("./model.js").Prediction} Prediction */

const MEDIA = ["image", "last_image", "images", "videos", "audios"];

/**
 * Return the labels and values of the request.
 *
 * @param {Prediction} prediction
 * @returns {[string, string][]}
 */
export function requestFacts({ model, mode, parameters, resolution }) {
  const isDefault = resolution !== null && (parameters.resolution ?? null) === null;
  const defaults = isDefault ? { resolution: `${resolution} (default)` } : {};
  const values = Object.entries({ model, mode, ...parameters, ...defaults, prompt: null });
  return values
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, valueText(MEDIA.includes(name) ? mediaNames(value) : value)]);
}

/**
 * Return media with the names of files in place of their paths. URLs, and the descriptions of uploads, stay.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function mediaNames(value) {
  if (Array.isArray(value)) return value.map(mediaNames);
  return typeof value === "string" && !/^(<|https?:|data:|asset:)/i.test(value) ? baseName(value) : value;
}

/**
 * Return the labels and values of the generation, and of the task's other submissions; empty if none was submitted.
 *
 * @param {Prediction} prediction
 * @param {string | undefined} timeZone
 * @returns {[string, string][]}
 */
export function generationFacts(prediction, timeZone) {
  const facts = [...(prediction.id !== null ? ownFacts(prediction, timeZone) : []), ...submissionFacts(prediction)];
  return facts.filter(([, text]) => text !== "");
}

/**
 * @param {Prediction} prediction
 * @param {string | undefined} timeZone
 * @returns {[string, string][]}
 */
function ownFacts(prediction, timeZone) {
  const [started, ended] = [startTime(prediction), readTime(prediction.finished_at)];
  const { status, width, height, estimated_cost_usd: cost } = prediction;
  const isFinished = FINAL_STATUSES.includes(status ?? "");
  const seen = timeText(readTime(prediction.seen_at), timeZone);
  return [
    ["Submitted", timeText(started, timeZone)],
    ["Last seen", !isFinished && seen !== "" ? `${statusWord(status)}, ${seen}` : ""],
    [isFinished ? "Finished" : "Gave up", timeText(ended, timeZone)],
    ["Waited", started !== null && ended !== null ? durationText((ended - started) / 1000) : ""],
    ["Generated in", prediction.inference_seconds > 0 ? durationText(prediction.inference_seconds) : ""],
    ["Size", width !== null && height !== null ? `${width} × ${height}` : ""],
    ["Estimated cost", cost !== null ? costText(cost) : ""],
  ];
}

/**
 * @param {Prediction} prediction
 * @returns {[string, string][]} Empty if nothing was submitted, or the number is unknown.
 */
function submissionFacts({ submissions, total_cost_usd: total }) {
  if (submissions === null || submissions === 0) return [];
  return [
    ["Submissions", submissions === 1 ? "1" : `${submissions} in all tries`],
    ["Total cost", total !== null ? costText(total) : "unknown"],
  ];
}

/**
 * Return the list price of all submissions of a task instance in USD; null if it is unknown.
 *
 * @param {Prediction} prediction
 */
export function totalCost({ id, submissions, total_cost_usd: total, estimated_cost_usd: estimate }) {
  if (submissions !== null) return total;
  return total ?? (id === null ? 0 : estimate);
}

/**
 * Return the sum of what some task instances cost.
 *
 * @param {Prediction[]} predictions
 */
export function sumText(predictions) {
  const costs = predictions.map(totalCost);
  const unknown = costs.filter((cost) => cost === null).length;
  const sum = costs.reduce((/** @type {number} */ total, cost) => total + (cost ?? 0), 0);
  return `${costText(sum)} on this page${unknown > 0 ? `, without ${unknown} of unknown price` : ""}`;
}
