/**
 * Which task instance the page is about, and the URLs of Airflow's API and pages.
 *
 * This module uses neither the document nor the network.
 */

/** The last part of the tab's path in Airflow, the same as in the plugin. */
const URL_ROUTE = "seedance-video";

/**
 * @typedef {object} TaskKey A task instance, or all instances of a mapped task.
 * @property {string} dag
 * @property {string} run
 * @property {string} task
 * @property {number} mapIndex -1 for a task that is not mapped, and for all instances of a mapped task.
 */

/**
 * Read the key of the task instance from the page's query.
 *
 * Airflow 3.1 does not encode the values, later versions do. A plus sign is therefore a plus sign, as in a run's id, and
 * never a space.
 *
 * @param {string} search The query, with its question mark.
 * @returns {TaskKey | null} Null if a part is missing.
 */
export function readTaskKey(search) {
  /** @type {Map<string | undefined, string>} */
  const values = new Map();
  for (const pair of search.replace(/^\?/, "").split("&")) {
    const [name, ...value] = pair.split("=");
    values.set(name, decode(value.join("=")));
  }
  const [dag, run, task] = ["dag", "run", "task"].map((name) => values.get(name));
  if (!dag || !run || !task) return null;
  return { dag, run, task, mapIndex: readMapIndex(values.get("map_index")) };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string | undefined} text The literal placeholder if the task is not mapped. */
function readMapIndex(text) {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : -1;
}

/**
 * Return Airflow's base URL, including its path.
 *
 * @param {string} page The page's URL, `{base URL}/seedance/video`.
 */
export function airflowUrl(page) {
  return new URL("..", page).href;
}

/**
 * @param {string} airflow
 * @param {TaskKey} key
 */
export function taskInstanceUrl(airflow, key) {
  const url = taskUrl(airflow, key);
  return key.mapIndex < 0 ? url : `${url}/${key.mapIndex}`;
}

/**
 * @param {string} airflow
 * @param {TaskKey} key
 * @param {number} limit
 * @param {number} offset
 */
export function mappedInstancesUrl(airflow, key, limit, offset) {
  return `${taskUrl(airflow, key)}/listMapped?order_by=map_index&limit=${limit}&offset=${offset}`;
}

/**
 * @param {string} airflow
 * @param {TaskKey} key
 * @param {string} name
 */
export function xcomUrl(airflow, key, name) {
  return `${taskUrl(airflow, key)}/xcomEntries/${name}?map_index=${key.mapIndex}`;
}

/**
 * Return the URL of the tab in Airflow's pages.
 *
 * @param {string} airflow
 * @param {TaskKey} key
 */
export function tabUrl(airflow, { dag, run, task, mapIndex }) {
  const mapped = mapIndex < 0 ? "" : `/mapped/${mapIndex}`;
  return `${airflow}dags/${encode(dag)}/runs/${encode(run)}/tasks/${encode(task)}${mapped}/plugin/${URL_ROUTE}`;
}

/**
 * @typedef {object} Copy A stored file of a generation, by the XCom that names it.
 * @property {string} dag_id
 * @property {string} run_id
 * @property {string} task_id
 * @property {number} map_index
 * @property {string} [region_id] Of a mapped task or one in a loop, from Airflow 3.4 on.
 * @property {number} file The file's place in the XCom.
 * @property {number} index The output's place in the generation.
 * @property {boolean} has_poster
 */

/**
 * Return the URL of a stored file, or of its poster.
 *
 * @param {string} airflow
 * @param {Copy} copy
 * @param {{poster?: boolean}} options
 */
export function storedUrl(airflow, { dag_id, run_id, task_id, map_index, region_id, file }, { poster = false } = {}) {
  const place = { dag_id, run_id, task_id, map_index, ...(region_id && { region_id }), file };
  return `${airflow}seedance/stored?${query({ ...place, ...(poster && { poster }) })}`;
}

/**
 * Return the URL of the stored copies of predictions.
 *
 * @param {string} airflow
 * @param {string[]} ids
 */
export function copiesUrl(airflow, ids) {
  return `${airflow}seedance/api/copies?${ids.map((id) => query({ prediction_id: id })).join("&")}`;
}

/**
 * Return the URL of the generations that match filters.
 *
 * @param {string} airflow
 * @param {Record<string, string | number>} filters Parameters of the query; an empty text is no filter.
 */
export function generationsUrl(airflow, filters) {
  const given = Object.entries(filters).filter(([, value]) => value !== "");
  return `${airflow}seedance/api/generations?${query(Object.fromEntries(given))}`;
}

/**
 * Return the URL of the same generations, all pages of them, as a file.
 *
 * @param {string} airflow
 * @param {Record<string, string | number>} filters
 */
export function csvUrl(airflow, filters) {
  return generationsUrl(airflow, filters).replace("?", ".csv?");
}

/** @param {Record<string, string | number | boolean>} values */
function query(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join("&");
}

/**
 * @param {string} airflow
 * @param {string} dag
 */
export function dagUrl(airflow, dag) {
  return `${airflow}dags/${encode(dag)}`;
}

/**
 * Return the relative URL of this page for all instances of a task.
 *
 * Airflow shows no plugin tabs on its own page for all instances of a mapped task.
 *
 * @param {TaskKey} key
 */
export function allInstancesUrl({ dag, run, task }) {
  return `?dag=${encode(dag)}&run=${encode(run)}&task=${encode(task)}`;
}

/**
 * Return the URL for a link or a video, or null if it is not an http or https URL.
 *
 * @param {unknown} text
 */
export function webUrl(text) {
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const url = new URL(text);
  return ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

/**
 * @param {string} airflow
 * @param {TaskKey} key
 */
function taskUrl(airflow, { dag, run, task }) {
  return `${airflow}api/v2/dags/${encode(dag)}/dagRuns/${encode(run)}/taskInstances/${encode(task)}`;
}

/**
 * Encode a value of an XCom, which can have halves of a surrogate pair: one of them must not fail the whole page.
 *
 * @param {string | number | boolean} value
 */
function encode(value) {
  return encodeURIComponent(String(value).replace(/\p{Surrogate}/gu, "\ufffd"));
}
