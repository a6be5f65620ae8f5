/** Requests to Airflow's REST API, with the session of the logged-in user. */

import { airflowUrl, copiesUrl, generationsUrl, mappedInstancesUrl, taskInstanceUrl, xcomUrl } from "./urls.js";

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
 * Return the value of a task instance's XCom, or null if it has none.
 *
 * @param {TaskKey} key
 * @param {"prediction" | "stored"} name
 * @returns {Promise<unknown>}
 */
export async function getXCom(key, name = "prediction") {
  /** @type {{value: unknown} | null} */
  const entry = await nullIfNotFound(get(xcomUrl(AIRFLOW, key, name)));
  return entry?.value ?? null;
}

/**
 * Return the stored copies of predictions, by the predictions' ids. Without an answer there are none: the links play.
 *
 * @param {string[]} ids
 * @returns {Promise<Record<string, import("./urls.js").Copy[]>>}
 */
export async function getCopies(ids) {
  if (ids.length === 0) return {};
  try {
    const { copies } = await get(copiesUrl(AIRFLOW, ids));
    // An id can be the name of a property that every object has.
    return Object.assign(Object.create(null), copies);
  } catch (error) {
    if (error instanceof ApiError) return Object.create(null);
    throw error;
  }
}

/**
 * @param {Record<string, string | number>} filters
 * @returns {Promise<import("./generations.js").Page>}
 */
export function getGenerations(filters) {
  return get(generationsUrl(AIRFLOW, filters));
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
