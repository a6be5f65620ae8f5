/** Requests to Airflow's REST API, with the session of the logged-in user. */

import { airflowUrl, mappedInstancesUrl, predictionUrl, taskInstanceUrl } from "./urls.js";

/** @typedef {import("./model.js").TaskInstance} TaskInstance */
/** @typedef {import("./urls.js").TaskKey} TaskKey */

/** Airflow's base URL. */
export const AIRFLOW = airflowUrl(location.href);

/** A request failed. */
export class ApiError extends Error {
  /** @param {number} status HTTP status, or 0 without a readable response. */
  constructor(status) {
    super(`Status ${status}`);
    this.status = status;
  }

  /** Whether a retry may help. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {TaskKey} key
 * @returns {Promise<TaskInstance>}
 */
export function getTaskInstance(key) {
  return get(taskInstanceUrl(AIRFLOW, key));
}

/**
 * Return a page of a mapped task's instances.
 *
 * @param {TaskKey} key
 * @param {number} limit
 * @param {number} offset
 * @returns {Promise<{task_instances: TaskInstance[], total_entries: number}>}
 */
export function getMappedTaskInstances(key, limit, offset) {
  return get(mappedInstancesUrl(AIRFLOW, key, limit, offset));
}

/**
 * Return the value of a task instance's XCom `prediction`, or null if it has none.
 *
 * @param {TaskKey} key
 * @returns {Promise<unknown>}
 */
export async function getXCom(key) {
  /** @type {{value: unknown} | null} */
  const entry = await nullIfNotFound(get(predictionUrl(AIRFLOW, key)));
  return entry?.value ?? null;
}

/**
 * Return the content of a response, or null if its status is 404.
 *
 * @template Content
 * @param {Promise<Content>} response
 */
export async function nullIfNotFound(response) {
  try {
    return await response;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** @param {string} url */
async function get(url) {
  const fail = () => {
    throw new ApiError(0);
  };
  const response = await fetch(url, { credentials: "include", headers: { Accept: "application/json" } }).catch(fail);
  if (!response.ok) throw new ApiError(response.status);
  return response.json().catch(fail);
}
