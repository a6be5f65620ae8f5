/** Which generations the page shows, as its address says. This module does not use the document. */

/**
 * @typedef {object} Filters The names and values of the server's query. An empty text does not filter.
 * @property {string} dag_id
 * @property {string} model
 * @property {string} outcome
 * @property {string} since First day, `YYYY-MM-DD`.
 * @property {string} until Last day.
 * @property {string} text Part of the prompt.
 * @property {number} offset The first generation on the page.
 */

/** @type {readonly Exclude<keyof Filters, "offset">[]} */
const FILTER_NAMES = ["dag_id", "model", "outcome", "since", "until", "text"];

/** @type {Filters} */
export const NO_FILTERS = { dag_id: "", model: "", outcome: "", since: "", until: "", text: "", offset: 0 };

/**
 * @param {string} search The query of an address, with its question mark. Other names in it are ignored.
 * @returns {Filters}
 */
export function readFilters(search) {
  const query = new URLSearchParams(search);
  const filters = { ...NO_FILTERS };
  for (const name of FILTER_NAMES) filters[name] = query.get(name) ?? "";
  const offset = query.get("offset") ?? "";
  return { ...filters, offset: /^\d{1,9}$/.test(offset) ? Number(offset) : 0 };
}

/**
 * Return the query of an address, with its question mark; empty without filters on the first page.
 *
 * @param {Filters} filters
 */
export function filterSearch(filters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) if (value !== "" && value !== 0) query.set(name, String(value));
  return query.size > 0 ? `?${query}` : "";
}

/** @param {Filters} filters */
export function hasFilters(filters) {
  return FILTER_NAMES.some((name) => filters[name] !== "");
}

/**
 * Return the offset of the last page.
 *
 * @param {number} total
 * @param {number} size
 */
export function lastOffset(total, size) {
  return Math.max(0, Math.ceil(total / size) - 1) * size;
}
