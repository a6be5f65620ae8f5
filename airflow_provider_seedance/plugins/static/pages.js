/** The control that turns the pages of a list. */

import { make } from "./dom.js";
import { countText } from "./texts.js";

/** Shows the range of a page, and the buttons to the pages beside it. */
export class Pages {
  #range;
  #previous = make("button", { type: "button" }, "Previous");
  #next = make("button", { type: "button" }, "Next");
  #offset = 0;

  /**
   * @param {string} label
   * @param {number} size
   * @param {(offset: number) => void} turn Called with the offset of another page.
   * @param {boolean} isSilent Whether another control says the range to screen readers.
   */
  constructor(label, size, turn, isSilent = false) {
    this.#range = make("span", isSilent ? {} : { role: "status" });
    this.#previous.addEventListener("click", () => turn(Math.max(0, this.#offset - size)));
    this.#next.addEventListener("click", () => turn(this.#offset + size));
    this.element = make("nav", { ariaLabel: label }, this.#range, this.#previous, this.#next);
  }

  /**
   * @param {number} offset
   * @param {number} count
   * @param {number} total
   */
  show(offset, count, total) {
    this.#offset = offset;
    this.#range.textContent =
      total === 0 ? "Nothing" : `${countText(offset + 1)}–${countText(offset + count)} of ${countText(total)}`;
    this.#previous.disabled = offset === 0;
    this.#next.disabled = offset + count >= total;
  }
}
