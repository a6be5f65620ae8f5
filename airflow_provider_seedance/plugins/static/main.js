/** The page: asks Airflow what there is to show, shows it, and looks again while it can change. */

import { getMappedTaskInstances, getPrediction, getTaskInstance, otherwise, Refusal } from "./airflow.js";
import { GridView, PAGE_SIZE } from "./grid.js";
import { isFinal, isSeedanceTask, lineWithoutPrediction, refusalLine } from "./model.js";
import { allAddress, readPlace } from "./places.js";
import { TaskView } from "./task.js";

/** @typedef {import("./places.js").Place} Place */

const PAUSE = 5000;

const line = /** @type {HTMLElement} */ (document.getElementById("line"));
const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const all = /** @type {HTMLAnchorElement} */ (document.getElementById("all"));
const place = readPlace(location.search);
const taskView = new TaskView();
const gridView = new GridView((offset) => look(offset));

let timer = 0;
/** Only the answer to the last look is shown: pages can be turned faster than Airflow answers. */
let looks = 0;

/**
 * Look, and look again later if what is shown can change.
 *
 * @param {number} offset Where the page of a mapped task begins.
 */
async function look(offset = gridView.offset) {
  if (place === null) {
    say("Open this page as the tab “Video” of a task instance.");
    return;
  }
  clearTimeout(timer);
  const turn = ++looks;
  const isCurrent = () => turn === looks;
  let changes = true;
  try {
    changes = await show(place, offset, isCurrent);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (!isCurrent()) return;
    changes = error.passes;
    if (changes) say("Airflow does not answer; trying again.", { keep: true });
    else refuse(error);
  }
  if (isCurrent() && changes) timer = setTimeout(lookIfVisible, PAUSE);
}

function lookIfVisible() {
  if (document.visibilityState === "visible") look();
}

/**
 * Show what there is, and return whether it can change.
 *
 * @param {Place} place
 * @param {number} offset
 * @param {() => boolean} isCurrent
 */
async function show(place, offset, isCurrent) {
  const task = await findTaskInstance(place);
  return task === null ? showAll(place, offset, isCurrent) : showOne(place, task, isCurrent);
}

/**
 * Return the task instance, or nothing for a task of which there are many.
 *
 * @param {Place} place
 */
function findTaskInstance(place) {
  const answer = getTaskInstance(place);
  return place.mapIndex < 0 ? otherwise(404, null, answer) : answer;
}

/**
 * @param {Place} place
 * @param {import("./model.js").TaskInstance} task
 * @param {() => boolean} isCurrent
 */
async function showOne(place, task, isCurrent) {
  const prediction = await getPrediction(place);
  if (!isCurrent()) return false;
  all.hidden = place.mapIndex < 0;
  if (prediction === null) {
    say(lineWithoutPrediction(task));
  } else {
    taskView.show(task, prediction);
    reveal(taskView.element);
  }
  return !isFinal(task);
}

/**
 * @param {Place} place
 * @param {number} offset
 * @param {() => boolean} isCurrent
 */
async function showAll(place, offset, isCurrent) {
  const { task_instances: tasks, total_entries: total } = await getMappedTaskInstances(place, PAGE_SIZE, offset);
  if (!isCurrent()) return false;
  const hasPredictions = await gridView.show(place, tasks, total, offset);
  if (!isCurrent()) return false;
  if (hasPredictions || tasks.every(isSeedanceTask)) reveal(gridView.element);
  else say(lineWithoutPrediction(tasks[0]));
  return !tasks.every(isFinal);
}

/** @param {HTMLElement} element */
function reveal(element) {
  line.hidden = true;
  view.hidden = false;
  if (element.parentElement !== view) view.replaceChildren(element);
}

/**
 * Say one line, instead of everything else or, for what passes, above it.
 *
 * @param {string} text
 */
function say(text, { keep = false } = {}) {
  line.textContent = text;
  line.hidden = false;
  if (!keep) view.hidden = true;
}

/** @param {Refusal} refusal */
function refuse({ status }) {
  all.hidden = true;
  say(refusalLine(status));
}

if (place !== null) all.href = allAddress(place);
document.addEventListener("visibilitychange", lookIfVisible);
look();
