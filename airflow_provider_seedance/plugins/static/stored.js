/** The XCom `stored` of a task that stores videos. This module uses neither the document nor the network. */

import { isObject, parsed, readNumber, readText } from "./model.js";
import { durationText } from "./texts.js";

/**
 * @typedef {object} StoredFile
 * @property {string} path
 * @property {number | null} bytes
 * @property {string | null} sha256
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} seconds
 * @property {boolean} hasPoster
 */

/**
 * Read the files in an XCom's value.
 *
 * @param {unknown} value JSON text, as the API returns it, or the parsed value.
 * @returns {StoredFile[] | null} Null if the value has another structure.
 */
export function readStored(value) {
  const entry = parsed(value);
  if (!isObject(entry) || !Array.isArray(entry.files)) return null;
  return entry.files.filter(isObject).map((file) => ({
    path: readText(file.path) ?? "",
    bytes: readNumber(file.bytes),
    sha256: readText(file.sha256),
    width: readNumber(file.width),
    height: readNumber(file.height),
    seconds: readNumber(file.seconds),
    hasPoster: readText(file.poster) !== null,
  }));
}

/**
 * Return the labels and values of a file, without path and SHA-256.
 *
 * @param {StoredFile} file
 * @returns {[string, string][]}
 */
export function storedFacts({ bytes, width, height, seconds }) {
  /** @type {[string, string][]} */
  const facts = [
    ["Size", bytes !== null ? sizeText(bytes) : ""],
    ["Frame", width !== null && height !== null ? `${width} × ${height}` : ""],
    ["Length", seconds !== null ? durationText(seconds) : ""],
  ];
  return facts.filter(([, text]) => text !== "");
}

/**
 * Return the message for a task that stores videos and has stored none, or whose XCom cannot be read.
 *
 * @param {import("./model.js").TaskInstance} task
 * @param {unknown} value The value of the XCom `stored`, or null without one.
 */
export function messageWithoutFiles({ state }, value) {
  if (value !== null)
    return (
      "This page cannot read the value of the XCom “stored”: an XCom backend has stored it elsewhere or changed it. " +
      "The task's log has the paths."
    );
  switch (state) {
    case "success":
      return "The task succeeded, but its XComs do not exist any more. Its log has the paths.";
    case "failed":
    case "up_for_retry":
      return "The task failed, and no stored file is recorded here. See the log.";
    case "upstream_failed":
      return "Nothing was stored: an upstream task failed.";
    case "skipped":
    case "removed":
      return `Nothing was stored: the task was ${state}.`;
    default:
      return "Nothing is stored yet.";
  }
}

/** @param {number} bytes */
function sizeText(bytes) {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
