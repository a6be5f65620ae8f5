/**
 * Plays a video: the stored copy if there is one, else the service's link; if the one cannot be loaded, the other.
 *
 * A link is loaded in a frame whose content security policy names only the link's own origin, so no redirect and no
 * playlist leads to another one, such as Airflow's or a private address. In Chromium the frame has no cookies at all.
 */

import { permission } from "./addresses.js";
import { AIRFLOW } from "./airflow.js";
import { make, makeBadge, makeLink } from "./dom.js";
import { storedUrl } from "./urls.js";

/** @typedef {import("./urls.js").Copy} Copy */
/**
 * @typedef {object} Source
 * @property {string} url
 * @property {import("./addresses.js").Permission} permission
 * @property {Copy | null} copy Null for a link of the service.
 */

const STORED_FAILURE =
  "The stored file cannot be loaded. It may be gone, or this Airflow does not serve its folder ([seedance] media_roots).";

/** The calls that begin to load, by the player that waits to be visible. @type {WeakMap<Element, () => void>} */
const waiting = new WeakMap();
const whenVisible = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    whenVisible.unobserve(target);
    waiting.get(target)?.();
  }
});

/**
 * Make a player of one video. It loads nothing before it is visible, and then each source at most once.
 *
 * @param {object} video
 * @param {string[]} video.links http or https URLs of the service.
 * @param {Copy[]} video.copies
 * @param {boolean} video.flagged Whether the service flagged the video.
 * @param {string} video.label The video's name, for screen readers.
 * @param {boolean} [video.controls] Without, the first frame is shown, and no text with a link.
 * @returns {HTMLElement}
 */
export function makePlayer({ links, copies, flagged, label, controls = true }) {
  const stage = make("div", { className: "stage" });
  const caption = make("figcaption");
  const element = make("figure", {}, stage, caption);
  const badges = flagged ? [makeBadge({ text: "Flagged as not safe for work", tone: "bad" })] : [];
  /** @type {Source[]} */
  const sources = [
    ...copies.map((copy) => ({ url: storedUrl(AIRFLOW, copy), permission: /** @type {const} */ ("load"), copy })),
    ...links.map((url) => ({ url, permission: permission(url, AIRFLOW), copy: null })),
  ];

  const playable = sources.filter((source) => source.permission !== "refuse");

  /** @param {number} index */
  function show(index) {
    const source = playable[index];
    caption.replaceChildren(...(controls && source !== undefined ? [openLink(source)] : []), ...badges);
    if (source === undefined) {
      const message = controls ? failureMessage(sources) : "Cannot be loaded";
      stage.replaceChildren(make("p", { className: "error", role: "alert" }, message));
    } else if (source.permission === "ask") {
      const button = make("button", { type: "button" }, `Load from ${new URL(source.url).host}`);
      button.addEventListener("click", () => load(source, index));
      const reason = "This host may be in your own network or domain.";
      stage.replaceChildren(make("div", { className: "ask" }, button, ...(controls ? [make("p", {}, reason)] : [])));
    } else {
      load(source, index);
    }
  }

  /**
   * @param {Source} source
   * @param {number} index
   */
  function load({ url, copy }, index) {
    const fail = () => show(index + 1);
    const properties = { label, controls, fail };
    stage.replaceChildren(copy === null ? makeFrame(url, properties) : makeCopy(url, copy, properties));
  }

  waiting.set(element, () => show(0));
  whenVisible.observe(element);
  return element;
}

/** @param {Source} source */
function openLink({ url, copy }) {
  return makeLink(url, "_blank", {}, copy === null ? "Open in a new tab" : "Open the stored file in a new tab");
}

/**
 * @typedef {object} Properties
 * @property {string} label
 * @property {boolean} controls
 * @property {() => void} fail Called when the video cannot be loaded.
 */

/**
 * @param {string} url
 * @param {Copy} copy
 * @param {Properties} properties
 */
function makeCopy(url, copy, properties) {
  const video = document.createElement("video");
  if (copy.has_poster) video.poster = storedUrl(AIRFLOW, copy, { poster: true });
  return start(video, url, properties);
}

/**
 * Make a frame for a link.
 *
 * @param {string} url
 * @param {Properties} properties
 */
function makeFrame(url, properties) {
  // A host with other characters than those of names is refused, so this is no place to inject HTML or directives.
  const policy = `default-src 'none'; media-src ${new URL(url).origin}`;
  const frame = make("iframe", {
    title: properties.label,
    srcdoc: `<!doctype html><meta http-equiv="Content-Security-Policy" content="${policy}">`,
    referrerPolicy: "no-referrer",
    allow: "fullscreen; picture-in-picture",
    tabIndex: properties.controls ? 0 : -1,
  });
  frame.setAttribute("credentialless", "");
  frame.addEventListener("load", () => {
    const content = frame.contentDocument;
    if (content === null) return;
    const video = content.createElement("video");
    // The frame's policy allows no style sheet.
    Object.assign(content.body.style, { margin: "0", background: "#000000" });
    Object.assign(video.style, { display: "block", width: "100vw", height: "100vh" });
    video.addEventListener("loadedmetadata", () => {
      frame.style.setProperty("--ratio", String(video.videoWidth / video.videoHeight));
    });
    content.body.append(start(video, url, properties));
  });
  return frame;
}

/**
 * @param {HTMLVideoElement} video
 * @param {string} url
 * @param {Properties} properties
 */
function start(video, url, { label, controls, fail }) {
  video.addEventListener("error", fail);
  return Object.assign(video, {
    controls,
    muted: !controls,
    preload: "metadata",
    playsInline: true,
    tabIndex: controls ? 0 : -1,
    ariaLabel: label,
    src: url,
  });
}

/** @param {Source[]} sources */
function failureMessage(sources) {
  const stored = sources.some(({ copy }) => copy !== null) ? [STORED_FAILURE] : [];
  const links = sources.filter(({ copy }) => copy === null);
  return [...stored, ...links.map(linkFailure)].join("\n");
}

/** @param {Source} source */
function linkFailure(source) {
  const { host } = new URL(source.url);
  return source.permission === "refuse"
    ? `The address at ${host} is not loaded: it is Airflow's own, or it contains a user name or an IPv6 address.`
    : "The video cannot be loaded. Its link may have expired, because links expire after about a day. " +
        `Or this browser cannot connect to ${host}, or the link leads to another host.`;
}
