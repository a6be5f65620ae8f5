/** The page: polls Airflow's API while the data can change, and shows what it returns. */

import { ApiError, getCopies, getMappedTaskInstances, getTaskInstance, getXCom, nullIfNotFound } from "./airflow.js";
import { FilesView } from "./files.js";
import { GridView, PAGE_SIZE } from "./grid.js";
import { errorMessage, isFinal, isSeedanceTask, isTransfer, messageWithoutPrediction, readPrediction } from "./model.js";
import { messageWithoutFiles, readStored } from "./stored.js";
import { TaskView } from "./task.js";
import { allInstancesUrl, readTaskKey } from "./urls.js";

/** @typedef {import("./urls.js").TaskKey} TaskKey */

/** Milliseconds. */
const POLL_INTERVAL = 5000;

const message = /** @type {HTMLElement} */ (document.getElementById("message"));
const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const allLink = /** @type {HTMLAnchorElement} */ (document.getElementById("all"));
const key = readTaskKey(location.search);
const taskView = new TaskView();
const filesView = new FilesView();
const gridView = new GridView((offset) => poll(offset));

let timer = 0;
/** Only the responses of the last poll are shown: a user can turn pages faster than Airflow responds. */
let polls = 0;

/**
 * Poll, and schedule the next poll if the data can change.
 *
 * @param {number} offset The first instance on the page of a mapped task.
 */
async function poll(offset = gridView.offset) {
  if (key === null) {
    showMessage("Open this page as the tab “Video” of a task instance.");
    return;
  }
  clearTimeout(timer);
  const number = ++polls;
  const isCurrent = () => number === polls;
  let canChange = true;
  try {
    canChange = await show(key, offset, isCurrent);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!isCurrent()) return;
    canChange = error.isTransient;
    if (canChange) showMessage("Airflow does not respond. Trying again.", { keepView: true });
    else showError(error);
  }
  if (isCurrent() && canChange) timer = setTimeout(pollIfVisible, POLL_INTERVAL);
}

function pollIfVisible() {
  if (document.visibilityState === "visible") poll();
}

/**
 * Show the current data, and return whether it can change.
 *
 * @param {TaskKey} key
 * @param {number} offset
 * @param {() => boolean} isCurrent
 */
async function show(key, offset, isCurrent) {
  const task = await findTaskInstance(key);
  return task === null ? showAll(key, offset, isCurrent) : showOne(key, task, isCurrent);
}

/**
 * Return the task instance, or null for all instances of a mapped task.
 *
 * @param {TaskKey} key
 */
function findTaskInstance(key) {
  const task = getTaskInstance(key);
  return key.mapIndex < 0 ? nullIfNotFound(task) : task;
}

/**
 * @param {TaskKey} key
 * @param {import("./model.js").TaskInstance} task
 * @param {() => boolean} isCurrent
 */
async function showOne(key, task, isCurrent) {
  const value = await getXCom(key, isTransfer(task) ? "stored" : "prediction");
  const prediction = readPrediction(value);
  const id = prediction?.outputs.length ? prediction.id : null;
  const copies = id ? ((await getCopies([id]))[id] ?? []) : [];
  if (!isCurrent()) return false;
  allLink.hidden = key.mapIndex < 0;
  if (isTransfer(task)) {
    showFiles(key, task, value);
  } else if (prediction === null) {
    showMessage(messageWithoutPrediction(task, value));
  } else {
    taskView.show(task, prediction, copies);
    showView(taskView.element);
  }
  return !isFinal(task);
}

/**
 * @param {TaskKey} key
 * @param {import("./model.js").TaskInstance} task
 * @param {unknown} value The value of the XCom `stored`.
 */
function showFiles(key, task, value) {
  const files = readStored(value);
  if (!files?.length) {
    showMessage(messageWithoutFiles(task, files === null ? value : null));
    return;
  }
  filesView.show(key, task, files);
  showView(filesView.element);
}

/**
 * @param {TaskKey} key
 * @param {number} offset
 * @param {() => boolean} isCurrent
 */
async function showAll(key, offset, isCurrent) {
  const { task_instances: tasks, total_entries: total } = await getMappedTaskInstances(key, PAGE_SIZE, offset);
  if (!isCurrent()) return false;
  const hasContent = await gridView.show(key, tasks, total, offset);
  if (!isCurrent()) return false;
  const other = tasks.find((task) => !isSeedanceTask(task));
  if (hasContent || other === undefined) showView(gridView.element);
  else showMessage(messageWithoutPrediction(other, null));
  return !tasks.every(isFinal);
}

/** @param {HTMLElement} element */
function showView(element) {
  message.hidden = true;
  view.hidden = false;
  if (element.parentElement !== view) view.replaceChildren(element);
}

/**
 * Show one line instead of the view, or above it.
 *
 * @param {string} text
 */
function showMessage(text, { keepView = false } = {}) {
  message.textContent = text;
  message.hidden = false;
  if (!keepView) view.hidden = true;
}

/** @param {ApiError} error */
function showError({ status }) {
  allLink.hidden = true;
  showMessage(errorMessage(status));
}

if (key !== null) allLink.href = allInstancesUrl(key);
document.addEventListener("visibilitychange", pollIfVisible);
poll();
