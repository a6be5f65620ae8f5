/** The page of all generations: its filters are in the address, and it shows what the server has for them. */

import { AIRFLOW, ApiError, getGenerations } from "./airflow.js";
import { make } from "./dom.js";
import { filterSearch, hasFilters, lastOffset, NO_FILTERS, readFilters } from "./filters.js";
import { FilterForm } from "./form.js";
import { emptyMessage, pageErrorMessage } from "./generations.js";
import { Pages } from "./pages.js";
import { SumsView } from "./sums.js";
import { readTimeZone } from "./texts.js";
import { TileList } from "./tile.js";
import { csvUrl } from "./urls.js";
import { WaitingView } from "./waiting.js";

/** @typedef {import("./filters.js").Filters} Filters */
/** @typedef {import("./generations.js").Page} Page */

const PAGE_SIZE = 24;
/** Milliseconds between two requests while something waits, or after one without an answer. */
const REFRESH_INTERVAL = 15_000;

const message = /** @type {HTMLElement} */ (document.getElementById("message"));
const again = /** @type {HTMLElement} */ (document.getElementById("again"));
const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const form = new FilterForm((filters) => open(filters));
const waiting = new WaitingView();
const above = new Pages("Pages", PAGE_SIZE, turn);
const below = new Pages("Pages, below the list", PAGE_SIZE, turn, true);
const list = new TileList();
const sums = new SumsView();
const section = make("section", { className: "list", ariaLabel: "Generations" });
const zone = readTimeZone(localStorage.getItem("timezone")) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

let filters = NO_FILTERS;
let timer = 0;
let isDue = false;
/** Only the answer to the last request is shown: a user can turn pages faster than the server responds. */
let loads = 0;

/**
 * Show other generations, as a new entry in the browser's history.
 *
 * @param {Filters} chosen
 */
function open(chosen) {
  history.pushState(null, "", location.pathname + filterSearch(chosen));
  enter(chosen);
}

/** @param {number} offset */
function turn(offset) {
  open({ ...filters, offset });
  view.scrollIntoView();
}

/**
 * Show other generations instead of these, in the same entry.
 *
 * @param {Filters} chosen
 */
function replace(chosen) {
  history.replaceState(null, "", location.pathname + filterSearch(chosen));
  enter(chosen);
}

/**
 * Load what the address says, and repeat its query in the address of Airflow's page around this one: a copy of that
 * one opens the same.
 *
 * @param {Filters} chosen
 */
function enter(chosen) {
  filters = chosen;
  if (window.parent !== window) {
    const address = new URL(window.parent.location.href);
    address.search = location.search;
    window.parent.history.replaceState(window.parent.history.state, "", address);
  }
  form.show(filters);
  load();
}

async function load() {
  clearTimeout(timer);
  isDue = false;
  const number = ++loads;
  view.ariaBusy = "true";
  let canChange = true;
  try {
    const page = await getGenerations({ ...filters, zone, limit: PAGE_SIZE });
    if (number !== loads) return;
    if (page.generations.length === 0 && page.total > 0) {
      replace({ ...filters, offset: lastOffset(page.total, PAGE_SIZE) });
      return;
    }
    show(page);
    canChange = page.waiting.total > 0;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (number !== loads) return;
    canChange = error.isTransient;
    showError(error);
  }
  view.ariaBusy = "false";
  if (canChange) timer = setTimeout(becomeDue, REFRESH_INTERVAL);
}

function becomeDue() {
  isDue = true;
  refresh();
}

/** Load again if it is time, and if a user can see the page. */
function refresh() {
  if (isDue && document.visibilityState === "visible") load();
}

/** @param {Page} page */
function show(page) {
  form.offer(page);
  waiting.show(page.waiting);
  for (const pages of [above, below]) pages.show(page.offset, page.generations.length, page.total);
  list.show(page.generations);
  sums.show(page.sums, csvUrl(AIRFLOW, { ...filters, offset: 0, zone }));
  message.textContent = page.total === 0 ? emptyMessage(hasFilters(filters)) : "";
  message.hidden = page.total > 0;
  section.hidden = page.total === 0;
  again.hidden = true;
  view.hidden = false;
}

/** @param {ApiError} error */
function showError(error) {
  message.textContent = error.isTransient
    ? "Airflow does not respond. This page tries again by itself."
    : pageErrorMessage(error.status);
  message.hidden = false;
  again.hidden = false;
  if (!error.isTransient) view.hidden = true;
}

section.append(above.element, list.element, below.element);
view.append(waiting.element, make("div", { className: "overview" }, section, sums.element));
document.getElementById("filters")?.append(form.element);
again.addEventListener("click", load);
window.addEventListener("popstate", () => enter(readFilters(location.search)));
document.addEventListener("visibilitychange", refresh);
// Airflow below 3.3 does not pass the query of its own page on to the frame.
replace(readFilters(location.search || window.parent.location.search));
