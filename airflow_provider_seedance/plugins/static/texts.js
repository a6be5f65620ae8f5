/** Formats times, durations, costs and values for display. This module does not use the document. */

/**
 * @param {string | null} iso
 * @returns {number | null} Milliseconds since 1970.
 */
export function readTime(iso) {
  const time = Date.parse(iso ?? "");
  return Number.isNaN(time) ? null : time;
}

/**
 * Format a time in the same way as Airflow's pages.
 *
 * @param {number | null} time Milliseconds since 1970.
 * @param {string | undefined} timeZone Undefined for the browser's time zone.
 */
export function timeText(time, timeZone) {
  if (time === null) return "";
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium",
  });
  const zone = new Intl.DateTimeFormat("en-GB", { timeZone, timeZoneName: "short" })
    .formatToParts(time)
    .find((part) => part.type === "timeZoneName");
  return `${format.format(time)} ${zone?.value ?? ""}`.trim();
}

/**
 * Return the time zone that the user chose in Airflow, or undefined if the browser does not support it.
 *
 * @param {string | null} stored JSON text, from Airflow's entry in local storage.
 * @returns {string | undefined}
 */
export function readTimeZone(stored) {
  try {
    const timeZone = JSON.parse(stored ?? "");
    new Intl.DateTimeFormat("en", { timeZone });
    return timeZone;
  } catch {
    return undefined;
  }
}

/** @param {number} seconds */
export function durationText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * Say how long ago something was.
 *
 * @param {number} seconds
 */
export function ageText(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

/** @param {number} count */
export function countText(count) {
  return count.toLocaleString("en-US");
}

/** @param {number} dollars */
export function dollarText(dollars) {
  const digits = dollars > 0 && dollars < 0.1 ? 3 : 2;
  return `$${dollars.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** @param {number} dollars */
export function costText(dollars) {
  return `${dollarText(dollars)} (list price estimate)`;
}

/**
 * @param {unknown} value The value of a parameter.
 * @returns {string}
 */
export function valueText(value) {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(valueText).join("\n");
  return JSON.stringify(value);
}

/** @param {string} word */
export function capitalized(word) {
  return word.charAt(0).toUpperCase() + word.slice(1).replaceAll("_", " ");
}

/** @param {string} path A path or URI. */
export function baseName(path) {
  return path.split("/").at(-1) || path;
}
