/** What the page has to say about a task and its prediction. Nothing here touches the document or the network. */

import { webAddress } from "./places.js";
import { capitalized, costText, durationText, readTime, timeText, valueText } from "./texts.js";

/**
 * @typedef {object} Prediction What XCom `prediction` holds.
 * @property {string | null} id
 * @property {string | null} mode
 * @property {string | null} model
 * @property {string | null} status
 * @property {Record<string, unknown>} parameters
 * @property {unknown[]} outputs
 * @property {string | null} error
 * @property {string | null} submitted_at
 * @property {string | null} created_at
 * @property {string | null} finished_at
 * @property {number} inference_seconds
 * @property {unknown[]} has_nsfw_contents
 * @property {number | null} estimated_cost_usd
 *
 * @typedef {object} TaskInstance What Airflow's API says, of which this is used:
 * @property {string | null} state
 * @property {number} map_index
 * @property {number} try_number
 * @property {string | null} operator
 * @property {string | null} operator_name
 * @property {string | null} rendered_map_index
 *
 * @typedef {"good" | "bad" | "busy" | "quiet"} Tone
 * @typedef {{url: string, flagged: boolean}} Video
 */

const DAY = 24 * 3600 * 1000;
const FINAL_STATES = ["success", "failed", "upstream_failed", "skipped", "removed"];
/** @type {Record<string, Tone>} */
const STATUS_TONES = { succeeded: "good", failed: "bad", expired: "bad", created: "quiet", queued: "quiet" };
/** @type {Record<string, Tone>} */
const STATE_TONES = { success: "good", failed: "bad", upstream_failed: "bad", running: "busy", deferred: "busy" };
const FINAL_STATUSES = ["succeeded", "failed", "expired"];

/**
 * Read an XCom's value.
 *
 * @param {unknown} value JSON, as the API hands it out, or what that stands for.
 * @returns {Prediction | null} Nothing where it has another shape, and so comes from somebody else.
 */
export function readPrediction(value) {
  const entry = typeof value === "string" ? readJson(value) : value;
  if (!isObject(entry) || !("id" in entry) || !("status" in entry) || !Array.isArray(entry.outputs)) return null;
  return {
    id: readText(entry.id),
    mode: readText(entry.mode),
    model: readText(entry.model),
    status: readText(entry.status),
    parameters: isObject(entry.parameters) ? entry.parameters : {},
    outputs: entry.outputs,
    error: readText(entry.error),
    submitted_at: readText(entry.submitted_at),
    created_at: readText(entry.created_at),
    finished_at: readText(entry.finished_at),
    inference_seconds: readNumber(entry.inference_seconds) ?? 0,
    has_nsfw_contents: Array.isArray(entry.has_nsfw_contents) ? entry.has_nsfw_contents : [],
    estimated_cost_usd: readNumber(entry.estimated_cost_usd),
  };
}

/** @param {string} text */
function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
function readText(value) {
  return typeof value === "string" ? value : null;
}

/** @param {unknown} value */
function readNumber(value) {
  return typeof value === "number" ? value : null;
}

/** @param {TaskInstance} task One that changes only when somebody clears it. */
export function isFinal(task) {
  return FINAL_STATES.includes(task.state ?? "");
}

/** @param {TaskInstance} task */
export function isSeedanceTask(task) {
  return [task.operator, task.operator_name].some((name) => /^[\W_]*(task\.)?seedance/i.test(name ?? ""));
}

/**
 * Return the one line for a task without a prediction.
 *
 * @param {TaskInstance} task
 */
export function lineWithoutPrediction(task) {
  if (!isSeedanceTask(task)) {
    const operator = task.operator_name ?? task.operator ?? "another operator";
    return `This task makes no Seedance video: it is of ${operator}.`;
  }
  switch (task.state) {
    case "failed":
      return "The task failed without a submission that is known here: see the log.";
    case "up_for_retry":
      return "The last try failed; nothing is submitted yet by the next one. See the log.";
    case "upstream_failed":
      return "Not submitted: a task before this one failed.";
    case "skipped":
    case "removed":
      return `Not submitted: the task was ${task.state}.`;
    case "success":
      return "The task succeeded, but its XComs are not here any more.";
    default:
      return "Not submitted yet.";
  }
}

/**
 * Return the line for an answer that is a refusal.
 *
 * @param {number} status
 */
export function refusalLine(status) {
  switch (status) {
    case 401:
      return "You are logged out of Airflow. Log in and open this tab again.";
    case 403:
      return "You may not see this task's data.";
    case 404:
      return "There is no such task instance.";
    default:
      return `Airflow answered with status ${status}.`;
  }
}

/**
 * Return the word for where a prediction stands.
 *
 * @param {TaskInstance} task
 * @param {Prediction} prediction
 * @returns {{text: string, tone: Tone}}
 */
export function badge(task, prediction) {
  const { status, error } = prediction;
  if (status === null) return error ? { text: "Failed", tone: "bad" } : { text: "Submitting", tone: "busy" };
  const text = status === "unknown" ? "In progress" : capitalized(status);
  if (FINAL_STATUSES.includes(status) || !isFinal(task)) return { text, tone: STATUS_TONES[status] ?? "busy" };
  return { text: `${text} when last seen`, tone: error ? "bad" : "quiet" };
}

/**
 * Return the word for a task's state.
 *
 * @param {TaskInstance} task
 * @returns {{text: string, tone: Tone}}
 */
export function stateBadge({ state }) {
  return { text: capitalized(state ?? "no_status"), tone: STATE_TONES[state ?? ""] ?? "quiet" };
}

/**
 * Return since when a prediction is waited for, or nothing where nobody waits.
 *
 * @param {TaskInstance} task
 * @param {Prediction} prediction
 */
export function waitingSince(task, prediction) {
  const waits = !isFinal(task) && !prediction.error && !FINAL_STATUSES.includes(prediction.status ?? "");
  return waits ? beginning(prediction) : null;
}

/**
 * Return the videos that can be shown.
 *
 * @param {Prediction} prediction
 * @returns {Video[]}
 */
export function videos({ outputs, has_nsfw_contents: flags }) {
  const addresses = outputs.map((output, index) => ({ url: webAddress(output), flagged: flags[index] === true }));
  return /** @type {Video[]} */ (addresses.filter(({ url }) => url !== null));
}

/**
 * Return what else there is to say, a sentence each.
 *
 * @param {TaskInstance} task
 * @param {Prediction} prediction
 * @param {number} now
 */
export function notes(task, prediction, now) {
  const shown = videos(prediction);
  // A task that was cleared finishes again, with the video that it had.
  const made = readTime(prediction.created_at) ?? readTime(prediction.finished_at);
  const said = [];
  if (task.state === "up_for_retry") said.push("This try failed; the next one is still to come.");
  if (task.state === "success" && prediction.outputs.length === 0)
    said.push("This task submits and does not wait for the video.");
  if (task.state === "failed" && !prediction.error) said.push("The task failed: see the log.");
  if (shown.length < prediction.outputs.length) said.push("An output is left out: its address is not one of the web.");
  if (shown.length > 0 && made !== null && now - made > DAY)
    said.push("Links live for about a day, and this one is older: it may have expired.");
  return said;
}

/**
 * Return what was asked for, label and value.
 *
 * @param {Prediction} prediction
 * @returns {[string, string][]}
 */
export function requestFacts({ model, mode, parameters }) {
  const values = Object.entries({ model, mode, ...parameters, prompt: null });
  return values
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, valueText(value)]);
}

/**
 * Return how the generation went, label and value; nothing where none was submitted.
 *
 * @param {Prediction} prediction
 * @param {string | undefined} timeZone
 * @returns {[string, string][]}
 */
export function generationFacts(prediction, timeZone) {
  if (prediction.id === null) return [];
  const [begun, finished] = [beginning(prediction), readTime(prediction.finished_at)];
  const cost = prediction.estimated_cost_usd;
  /** @type {[string, string][]} */
  const facts = [
    ["Submitted", timeText(begun, timeZone)],
    ["Finished", timeText(finished, timeZone)],
    ["Waited", begun !== null && finished !== null ? durationText((finished - begun) / 1000) : ""],
    ["Generation", prediction.inference_seconds > 0 ? durationText(prediction.inference_seconds) : ""],
    ["Estimated cost", cost !== null ? costText(cost) : ""],
  ];
  return facts.filter(([, text]) => text !== "");
}

/** @param {Prediction} prediction */
function beginning(prediction) {
  return readTime(prediction.submitted_at) ?? readTime(prediction.created_at);
}
