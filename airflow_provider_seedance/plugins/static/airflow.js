/** The few questions to Airflow's REST API, asked with the reader's own session. */

import { readPrediction } from "./model.js";
import { airflowAddress, mappedAddress, predictionAddress, taskInstanceAddress } from "./places.js";

/** @typedef {import("./model.js").TaskInstance} TaskInstance */
/** @typedef {import("./places.js").Place} Place */

/** Airflow's own address. */
export const AIRFLOW = airflowAddress(location.href);

/** What comes in place of an answer. */
export class Refusal extends Error {
  /** @param {number} status The answer's, or 0 where there was none that can be read. */
  constructor(status) {
    super(`Status ${status}`);
    this.status = status;
  }

  /** Whether asking again may help. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {Place} place
 * @returns {Promise<TaskInstance>}
 */
export function getTaskInstance(place) {
  return get(taskInstanceAddress(AIRFLOW, place));
}

/**
 * Return a page of a mapped task's instances.
 *
 * @param {Place} place
 * @param {number} limit
 * @param {number} offset
 * @returns {Promise<{task_instances: TaskInstance[], total_entries: number}>}
 */
export function getMappedTaskInstances(place, limit, offset) {
  return get(mappedAddress(AIRFLOW, place, limit, offset));
}

/**
 * Return the prediction of a task instance, or nothing where it has none.
 *
 * @param {Place} place
 */
export async function getPrediction(place) {
  const entry = await otherwise(404, null, get(predictionAddress(AIRFLOW, place)));
  return readPrediction(entry?.value);
}

/**
 * Return what is promised, or something else where Airflow refuses with this status.
 *
 * @template Kind
 * @param {number} status
 * @param {Kind} substitute
 * @param {Promise<any>} answer
 */
export async function otherwise(status, substitute, answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refusal && error.status === status) return substitute;
    throw error;
  }
}

/** @param {string} address */
async function get(address) {
  const unreadable = () => {
    throw new Refusal(0);
  };
  const answer = await fetch(address, { credentials: "include", headers: { Accept: "application/json" } }).catch(
    unreadable,
  );
  if (!answer.ok) throw new Refusal(answer.status);
  return answer.json().catch(unreadable);
}
