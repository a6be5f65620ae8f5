/** Creates and updates elements. Text is always inserted as text, never as HTML. */

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/**
 * Replace the children of an element if the content changed. An unchanged video continues to play.
 *
 * @param {HTMLElement} element
 * @param {unknown} content All data that the children show, serializable as JSON.
 * @param {() => (Node | string)[]} build
 */
export function fill(element, content, build) {
  const json = JSON.stringify(content);
  if (element.dataset.shown === json) return;
  element.dataset.shown = json;
  element.replaceChildren(...build());
}

/** @param {import("./model.js").Badge} badge */
export function makeBadge({ text, tone }) {
  return make("span", { className: `badge ${tone}` }, text);
}

/**
 * Make a list of labels and values.
 *
 * @param {[string, Node | string][]} facts
 */
export function makeFacts(facts) {
  return make("dl", {}, ...facts.flatMap(([label, value]) => [make("dt", {}, label), make("dd", {}, value)]));
}

/**
 * Make a link that leaves the page.
 *
 * The sandbox of Airflow's frame allows no new tabs and no navigation of the parent window. The page has Airflow's own
 * origin, so a temporary link in the parent window opens the URL.
 *
 * @param {string} url
 * @param {"_blank" | "_top"} target
 * @param {Partial<HTMLAnchorElement>} properties
 * @param {...(Node | string)} children
 */
export function makeLink(url, target, properties, ...children) {
  const rel = target === "_blank" ? "noopener noreferrer" : "";
  const link = make("a", { href: url, target, rel, ...properties }, ...children);
  link.addEventListener("click", (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const newTab = event.ctrlKey || event.metaKey || event.shiftKey;
    const parentLink = window.parent.document.createElement("a");
    Object.assign(parentLink, { href: link.href, target: newTab ? "_blank" : target, rel: "noopener noreferrer" });
    window.parent.document.body.append(parentLink);
    parentLink.click();
    parentLink.remove();
  });
  return link;
}

/**
 * Make a text with a button that copies it.
 *
 * @param {string} text
 * @param {string} name The text's name, for screen readers.
 */
export function makeCopyable(text, name) {
  const code = make("code", {}, text);
  const result = make("span", { className: "copy-result", role: "status" });
  const button = make("button", { type: "button", ariaLabel: `Copy ${name}` }, "Copy");
  button.addEventListener("click", async () => {
    result.textContent = (await copy(code)) ? "Copied" : "Selected. Copy it with the keyboard.";
  });
  return make("span", { className: "copyable" }, code, button, result);
}

/**
 * Copy an element's text, or select it: a frame or a page without TLS may not write to the clipboard.
 *
 * @param {HTMLElement} element
 */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent ?? "");
    return true;
  } catch {
    window.getSelection()?.selectAllChildren(element);
    return document.execCommand("copy");
  }
}
