/** Making and changing elements. Text always arrives as text, never as HTML. */

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} properties
 * @param {...(Node | string)} children
 */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/**
 * Fill an element anew, unless it shows the same already: a video that plays is not to be interrupted.
 *
 * @param {HTMLElement} element
 * @param {unknown} content All that it shows, as JSON can hold it.
 * @param {() => (Node | string)[]} build
 */
export function fill(element, content, build) {
  const shown = JSON.stringify(content);
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  element.replaceChildren(...build());
}

/** @param {import("./model.js").Tone} tone */
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
 * Airflow's frame lets a page neither open a tab nor change the window around it. The page is of Airflow's own origin,
 * so the link is followed from there.
 *
 * @param {string} address
 * @param {"_blank" | "_top"} target
 * @param {Partial<HTMLAnchorElement>} properties
 * @param {...(Node | string)} children
 */
export function makeLink(address, target, properties, ...children) {
  const rel = target === "_blank" ? "noopener noreferrer" : "";
  const link = make("a", { href: address, target, rel, ...properties }, ...children);
  link.addEventListener("click", (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const aside = event.ctrlKey || event.metaKey || event.shiftKey;
    const outside = window.parent.document.createElement("a");
    Object.assign(outside, { href: link.href, target: aside ? "_blank" : target, rel: "noopener noreferrer" });
    window.parent.document.body.append(outside);
    outside.click();
    outside.remove();
  });
  return link;
}

/**
 * Make a text with a button that copies it.
 *
 * @param {string} text
 * @param {string} name What it is.
 */
export function makeCopyable(text, name) {
  const code = make("code", {}, text);
  const said = make("span", { className: "said", role: "status" });
  const button = make("button", { type: "button", ariaLabel: `Copy ${name}` }, "Copy");
  button.addEventListener("click", async () => {
    said.textContent = (await copy(code)) ? "Copied" : "Selected: copy it with the keyboard";
  });
  return make("span", { className: "copyable" }, code, button, said);
}

/**
 * Copy an element's text, or at least select it: a frame or a page without TLS may not write to the clipboard.
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
