/** The texts and data that the page shows. This module uses neither the document nor the network. */

import { capitalized, durationText, readTime } from "./texts.js";
import { webUrl } from "./urls.js";

/**
 * @typedef {object} Prediction The value of the XCom `prediction`.
 * @property {string | null} id
 * @property {string | null} mode
 * @property {string | null} model
 * @property {string | null} status
 * @property {string | null} seen_at When the service reported the status; null before it did.
 * @property {Record<string, unknown>} parameters
 * @property {number | null} width
 * @property {number | null} height
 * @property {string | null} resolution
 * @property {unknown[]} outputs
 * @property {string | null} error
 * @property {string | null} submitted_at
 * @property {string | null} created_at
 * @property {string | null} finished_at
 * @property {number} inference_seconds
 * @property {unknown[]} has_nsfw_contents
 * @property {number | null} estimated_cost_usd
 * @property {number | null} submissions Null if unknown, as is `total_cost_usd`.
 * @property {number | null} total_cost_usd
 *
 * @typedef {object} TaskInstance The fields of Airflow's API that the page uses.
 * @property {string | null} state
 * @property {number} map_index
 * @property {number} try_number
 * @property {string | null} operator
 * @property {string | null} operator_name
 * @property {string | null} rendered_map_index
 *
 * @typedef {"good" | "bad" | "busy" | "quiet"} Tone
 * @typedef {{text: string, tone: Tone}} Badge
 * @typedef {{url: string, flagged: boolean, index: number}} Video
 */

/** Milliseconds. */
const DAY = 24 * 3600 * 1000;
const FINAL_STATES = ["success", "failed", "upstream_failed", "skipped", "removed"];
/** @type {Record<string, Tone>} */
const STATUS_TONES = { succeeded: "good", failed: "bad", expired: "bad" };
/** @type {Record<string, Tone>} */
const STATE_TONES = { success: "good", failed: "bad", upstream_failed: "bad", running: "busy", deferred: "busy" };
export const FINAL_STATUSES = ["succeeded", "failed", "expired"];

/**
 * Read an XCom's value.
 *
 * @param {unknown} value JSON text, as the API returns it, or the parsed value.
 * @returns {Prediction | null} Null if the value has another structure: another operator wrote it.
 */
export function readPrediction(value) {
  const entry = parsed(value);
  if (!isObject(entry) || !("id" in entry) || !("status" in entry) || !Array.isArray(entry.outputs)) return null;
  return {
    id: readText(entry.id),
    mode: readText(entry.mode),
    model: readText(entry.model),
    status: readText(entry.status),
    seen_at: readText(entry.seen_at),
    parameters: isObject(entry.parameters) ? entry.parameters : {},
    width: readNumber(entry.width),
    height: readNumber(entry.height),
    resolution: readText(entry.resolution),
    outputs: entry.outputs,
    error: readText(entry.error),
    submitted_at: readText(entry.submitted_at),
    created_at: readText(entry.created_at),
    finished_at: readText(entry.finished_at),
    inference_seconds: readNumber(entry.inference_seconds) ?? 0,
    has_nsfw_contents: Array.isArray(entry.has_nsfw_contents) ? entry.has_nsfw_contents : [],
    estimated_cost_usd: readNumber(entry.estimated_cost_usd),
    submissions: readNumber(entry.submissions),
    total_cost_usd: readNumber(entry.total_cost_usd),
  };
}

/**
 * Return whether an XCom's value is the URL of the value: an XCom backend stored it outside the database.
 *
 * Airflow's API reads the database only. Custom backends also use schemes with an underscore, such as `xcom_s3`.
 *
 * @param {unknown} value
 */
export function isReference(value) {
  const content = parsed(value);
  return typeof content === "string" && /^[a-z][\w+.-]*:\/\//i.test(content);
}

/**
 * @param {unknown} value JSON text, other text, or a parsed value.
 * @returns {unknown}
 */
export function parsed(value) {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
export function readText(value) {
  return typeof value === "string" ? value : null;
}

/** @param {unknown} value */
export function readNumber(value) {
  return typeof value === "number" ? value : null;
}

/**
 * Return whether the state changes only if a user clears the task.
 *
 * @param {TaskInstance} task
 */
export function isFinal(task) {
  return FINAL_STATES.includes(task.state ?? "");
}

/** @param {TaskInstance} task */
export function isSeedanceTask(task) {
  return hasName(task, /^[\W_]*(task\.)?seedance/i);
}

/**
 * Return whether the task stores videos, and so has the XCom `stored` in place of `prediction`.
 *
 * @param {TaskInstance} task
 */
export function isTransfer(task) {
  return hasName(task, /^SeedanceToObjectStorage/);
}

/**
 * @param {TaskInstance} task
 * @param {RegExp} pattern
 */
function hasName({ operator, operator_name }, pattern) {
  return [operator, operator_name].some((name) => pattern.test(name ?? ""));
}

/**
 * Return the message for a task without a readable prediction.
 *
 * @param {TaskInstance} task
 * @param {unknown} value The value of the XCom `prediction`, or null without one.
 */
export function messageWithoutPrediction(task, value) {
  if (isReference(value))
    return (
      "This page cannot show the prediction: the value of the XCom “prediction” is in object storage, and Airflow's " +
      "API returns only its address. Open the task's log or, if the task succeeded, the link “Video” under Details."
    );
  if (!isSeedanceTask(task)) {
    const operator = task.operator_name ?? task.operator ?? "another operator";
    return `This task makes no Seedance video. Its operator is ${operator}.`;
  }
  if (value !== null)
    return (
      "This page cannot read the value of the XCom “prediction”. An XCom backend may have changed it. " +
      "Open the task's log or, if the task succeeded, the link “Video” under Details."
    );
  switch (task.state) {
    case "failed":
      return "The task failed, and no submission is recorded here. See the log.";
    case "up_for_retry":
      return "The last try failed, and the next one has not submitted anything yet. See the log.";
    case "upstream_failed":
      return "Not submitted: an upstream task failed.";
    case "skipped":
    case "removed":
      return `Not submitted: the task was ${task.state}.`;
    case "success":
      return "The task succeeded, but its XComs do not exist any more.";
    default:
      return hasName(task, /Sensor$/) ? "The sensor has not seen the prediction yet." : "Not submitted yet.";
  }
}

/**
 * Return the text of a tile without video.
 *
 * @param {unknown} value The value of the XCom `prediction`, or null without one.
 */
export function tileText(value) {
  if (isReference(value)) return "In object storage";
  return value === null || readPrediction(value) !== null ? "" : "Not readable";
}

/**
 * Return the message for an HTTP error of Airflow's API.
 *
 * @param {number} status
 */
export function errorMessage(status) {
  switch (status) {
    case 401:
      return "You are logged out of Airflow. Log in and open this tab again.";
    case 403:
      return "You do not have permission to see this task's data.";
    case 404:
      return "This task instance does not exist.";
    default:
      return `Airflow responded with status ${status}.`;
  }
}

/**
 * Return the badge for a prediction's status.
 *
 * @param {TaskInstance} task
 * @param {Prediction} prediction
 * @returns {Badge}
 */
export function badge(task, prediction) {
  const { status, error } = prediction;
  if (status === null) return error ? { text: "Failed", tone: "bad" } : { text: "Submitting", tone: "busy" };
  if (FINAL_STATUSES.includes(status)) return { text: capitalized(status), tone: STATUS_TONES[status] ?? "busy" };
  // What was published last may be long past: the log has more.
  if (!isFinal(task) && !error) return { text: "In progress", tone: "busy" };
  return { text: `Last known status: ${statusWord(status)}`, tone: error ? "bad" : "quiet" };
}

/** @param {string | null} status */
export function statusWord(status) {
  return status === "unknown" ? "in progress" : (status ?? "none");
}

/**
 * Return the badge for a task's state.
 *
 * @param {TaskInstance} task
 * @returns {Badge}
 */
export function stateBadge({ state }) {
  return { text: capitalized(state ?? "no_status"), tone: STATE_TONES[state ?? ""] ?? "quiet" };
}

/**
 * Return the start of the wait for a prediction, or null if the task does not wait.
 *
 * @param {TaskInstance} task
 * @param {Prediction} prediction
 */
export function waitingSince(task, prediction) {
  const isWaiting = !isFinal(task) && !prediction.error && !FINAL_STATUSES.includes(prediction.status ?? "");
  return isWaiting ? startTime(prediction) : null;
}

/**
 * Return what was seen last of a prediction in progress, and how long ago; empty if it is unknown.
 *
 * @param {Prediction} prediction
 * @param {number} now
 */
export function seenText({ status, seen_at }, now) {
  const seen = readTime(seen_at);
  return seen === null ? "" : `last seen ${statusWord(status)}, ${durationText((now - seen) / 1000)} ago`;
}

/**
 * Return the videos that can be shown.
 *
 * @param {Prediction} prediction
 * @returns {Video[]}
 */
export function videos({ outputs, has_nsfw_contents: flags }) {
  return outputs.flatMap((output, index) => {
    const url = webUrl(output);
    return url === null ? [] : [{ url, flagged: flags[index] === true, index }];
  });
}

/**
 * Return the copies of one output among those of a prediction.
 *
 * A task that stores links from a list counts these, so the index is not used where it is not needed.
 *
 * @param {Prediction} prediction
 * @param {import("./urls.js").Copy[]} copies
 * @param {number} index The output's place.
 */
export function copiesOf({ outputs }, copies, index) {
  return outputs.length === 1 ? copies : copies.filter((copy) => copy.index === index);
}

/**
 * Return the notes below the status.
 *
 * @param {TaskInstance} task
 * @param {Prediction} prediction
 * @param {boolean} isStored Whether there is a stored copy.
 * @param {number} now
 */
export function notes(task, prediction, isStored, now) {
  const playable = videos(prediction);
  // Not finished_at first: a cleared task that delivers an old video again has a new one.
  const created = readTime(prediction.created_at) ?? readTime(prediction.finished_at);
  const texts = [];
  if (task.state === "up_for_retry") texts.push("This try failed. The next one has not started yet.");
  if (task.state === "up_for_reschedule" && prediction.error)
    texts.push("Nothing was submitted. The task runs again without using a retry.");
  if (task.state === "success" && prediction.outputs.length === 0)
    texts.push("This task submits the request and does not wait for the video.");
  if (task.state === "deferred" && !prediction.error)
    texts.push("The task waits in the triggerer, which cannot update this page. The log has its polls.");
  if (task.state === "failed" && !prediction.error) texts.push("The task failed. See the log.");
  if (playable.length < prediction.outputs.length)
    texts.push("An output is not shown because it is not an http or https URL.");
  if (playable.length > 0 && !isStored && created !== null && now - created > DAY)
    texts.push("Links expire after about a day. This one is older and may have expired.");
  return texts;
}

/** @param {Prediction} prediction */
export function startTime(prediction) {
  return readTime(prediction.submitted_at) ?? readTime(prediction.created_at);
}
