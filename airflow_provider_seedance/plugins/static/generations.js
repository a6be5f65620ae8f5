/** What the page of all generations says about each. This module uses neither the document nor the network. */

import { readPrediction, startTime } from "./model.js";
import { dollarText, readTime } from "./texts.js";

/** @typedef {import("./model.js").Badge} Badge */
/** @typedef {import("./model.js").Prediction} Prediction */
/** @typedef {import("./urls.js").Copy} Copy */

/**
 * @typedef {"waiting" | "succeeded" | "failed" | "timed_out" | "submitted"} Outcome
 *
 * @typedef {object} Generation A task instance with the XCom `prediction`.
 * @property {string} dag_id
 * @property {string} run_id
 * @property {string} task_id
 * @property {number} map_index
 * @property {string} [region_id] Of a mapped task or one in a loop, from Airflow 3.4 on: an index can repeat in a loop.
 * @property {string | null} label
 * @property {string | null} state
 * @property {number} try_number
 * @property {string} pushed_at
 * @property {string | null} operator
 * @property {unknown} prediction The value of the XCom.
 * @property {boolean} is_reference Whether an XCom backend hides the value.
 * @property {Outcome} outcome
 * @property {number | null} usd The price of all submissions of the task instance; null if unknown.
 * @property {Copy[]} copies
 *
 * @typedef {{usd: number, count: number}} Sum
 *
 * @typedef {object} Sums Of all generations that the filters match.
 * @property {"xcom" | "ledger"} source
 * @property {string | null} [note] Why they are not of the ledger that the deployment names.
 * @property {number} count
 * @property {number} usd
 * @property {number} unknown The generations without a known price.
 * @property {(Sum & {day: string})[]} by_day
 * @property {(Sum & {dag_id: string})[]} by_dag
 * @property {(Sum & {model: string | null})[]} by_model
 *
 * @typedef {object} Waiting What waits now.
 * @property {number} total
 * @property {string | null} longest_since
 * @property {Generation[]} generations The first of them.
 *
 * @typedef {object} Page The server's answer.
 * @property {Generation[]} generations Newest first.
 * @property {number} total
 * @property {number} offset
 * @property {string[]} dags
 * @property {string[]} models
 * @property {Sums} sums
 * @property {Waiting} waiting
 */

/** @type {Record<Outcome, Badge>} The outcomes in words, in the order of the filter. */
export const OUTCOMES = {
  waiting: { text: "Waiting", tone: "busy" },
  succeeded: { text: "Succeeded", tone: "good" },
  failed: { text: "Failed", tone: "bad" },
  timed_out: { text: "Timed out", tone: "bad" },
  submitted: { text: "Submitted", tone: "quiet" },
};

/** @param {Generation} generation */
export function generationKey({ dag_id, run_id, task_id, map_index, region_id }) {
  return { dag: dag_id, run: run_id, task: task_id, mapIndex: map_index, region: region_id };
}

/**
 * Return the name of the task instance within its DAG.
 *
 * @param {Generation} generation
 */
export function taskText({ task_id, map_index, label }) {
  return map_index < 0 ? task_id : `${task_id} [${label ?? map_index}]`;
}

/** @param {Generation} generation */
export function priceText({ usd }) {
  return usd === null ? "Price unknown" : dollarText(usd);
}

/**
 * Return the prompt, or what is shown in place of it.
 *
 * @param {Generation} generation
 * @param {Prediction | null} prediction
 */
export function promptText({ is_reference }, prediction) {
  const prompt = prediction?.parameters.prompt;
  if (typeof prompt === "string" && prompt !== "") return prompt;
  if (is_reference)
    return "An XCom backend keeps this generation outside Airflow's database, so this page cannot show it.";
  return prediction === null ? "The XCom of this generation is not readable." : "No prompt";
}

/**
 * Return when the wait began, in milliseconds since 1970.
 *
 * @param {Generation} generation
 */
export function generationStart({ prediction, pushed_at }) {
  const read = readPrediction(prediction);
  return (read && startTime(read)) ?? readTime(pushed_at);
}

/**
 * Return where the numbers come from, and what is missing in them.
 *
 * @param {Sums} sums
 */
export function sumNotes({ source, note, unknown }) {
  const notes = [
    source === "ledger"
      ? "Exact: from the ledger, which has every submission."
      : "Estimates at list price, of what XCom still holds. Deleted runs are not included.",
  ];
  if (note) notes.push(note);
  if (unknown === 1) notes.push("1 generation without a known price is not included.");
  if (unknown > 1) notes.push(`${unknown} generations without a known price are not included.`);
  return notes;
}

/**
 * Return the message in place of the list.
 *
 * @param {boolean} filtered
 */
export function emptyMessage(filtered) {
  return filtered
    ? "No generation matches these filters."
    : "No generations yet. They appear here when a Seedance task submits one.";
}

/**
 * Return the message for an HTTP error of the server.
 *
 * @param {number} status
 */
export function pageErrorMessage(status) {
  switch (status) {
    case 401:
      return "You are logged out of Airflow. Log in and open this page again.";
    case 403:
      return "You do not have permission to see generations.";
    case 400:
    case 422:
      return "The filters in the address are not valid. Clear the filters.";
    default:
      return `Airflow responded with status ${status}.`;
  }
}
