/**
 * Where things are: which task instance the page is about, and the addresses of Airflow's API and pages.
 *
 * Nothing here touches the document or the network.
 */

/** The last part of the tab's address in Airflow; the plugin says the same. */
const URL_ROUTE = "seedance-video";

/**
 * @typedef {object} Place A task instance, or, without a map index, a task of a run.
 * @property {string} dag
 * @property {string} run
 * @property {string} task
 * @property {number} mapIndex -1 where it is not mapped, or where all of its instances are meant.
 */

/**
 * Read the place from the page's own query.
 *
 * Airflow 3.1 puts the values in as they are, later ones encode them. A plus sign therefore stands for itself, as in
 * the id of a run, and never for a space.
 *
 * @param {string} search The query, with its question mark.
 * @returns {Place | null} Nothing where a part is missing.
 */
export function readPlace(search) {
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

/** @param {string | undefined} text For a task that is not mapped, the literal placeholder arrives. */
function readMapIndex(text) {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : -1;
}

/**
 * Return Airflow's own address, with the path it may live under.
 *
 * @param {string} page The page's address, `{Airflow}/seedance/video`.
 */
export function airflowAddress(page) {
  return new URL("..", page).href;
}

/**
 * @param {string} airflow
 * @param {Place} place
 */
export function taskInstanceAddress(airflow, place) {
  const address = taskAddress(airflow, place);
  return place.mapIndex < 0 ? address : `${address}/${place.mapIndex}`;
}

/**
 * @param {string} airflow
 * @param {Place} place
 * @param {number} limit
 * @param {number} offset
 */
export function mappedAddress(airflow, place, limit, offset) {
  return `${taskAddress(airflow, place)}/listMapped?order_by=map_index&limit=${limit}&offset=${offset}`;
}

/**
 * @param {string} airflow
 * @param {Place} place
 */
export function predictionAddress(airflow, place) {
  return `${taskAddress(airflow, place)}/xcomEntries/prediction?map_index=${place.mapIndex}`;
}

/**
 * Return the address of the tab in Airflow's pages.
 *
 * @param {string} airflow
 * @param {Place} place
 */
export function tabAddress(airflow, { dag, run, task, mapIndex }) {
  const mapped = mapIndex < 0 ? "" : `/mapped/${mapIndex}`;
  return `${airflow}dags/${quote(dag)}/runs/${quote(run)}/tasks/${quote(task)}${mapped}/plugin/${URL_ROUTE}`;
}

/**
 * Return the address of this page about all instances of a task, as seen from this page.
 *
 * Airflow's own page about a mapped task as a whole has no tabs of plugins.
 *
 * @param {Place} place
 */
export function allAddress({ dag, run, task }) {
  return `?dag=${quote(dag)}&run=${quote(run)}&task=${quote(task)}`;
}

/**
 * Return an address that a link or a video may have, or nothing for one that is not of the web.
 *
 * @param {unknown} text
 */
export function webAddress(text) {
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const address = new URL(text);
  return ["http:", "https:"].includes(address.protocol) ? address.href : null;
}

/**
 * @param {string} airflow
 * @param {Place} place
 */
function taskAddress(airflow, { dag, run, task }) {
  return `${airflow}api/v2/dags/${quote(dag)}/dagRuns/${quote(run)}/taskInstances/${quote(task)}`;
}

const quote = encodeURIComponent;
