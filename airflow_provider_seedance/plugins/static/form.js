/** The form with the filters. */

import { fill, make } from "./dom.js";
import { NO_FILTERS } from "./filters.js";
import { OUTCOMES } from "./generations.js";

/** @typedef {import("./filters.js").Filters} Filters */

/** Shows the filters, and reports the ones that a user applies. */
export class FilterForm {
  #dag = make("select");
  #model = make("select");
  #outcome = make("select");
  #since = make("input", { type: "date" });
  #until = make("input", { type: "date" });
  #text = make("input", { type: "search" });

  /** @param {(filters: Filters) => void} apply */
  constructor(apply) {
    const clear = make("button", { type: "button" }, "Clear filters");
    this.element = make(
      "form",
      { className: "filters", role: "search", ariaLabel: "Filters" },
      make("label", {}, "DAG", this.#dag),
      make("label", {}, "Model", this.#model),
      make("label", {}, "Outcome", this.#outcome),
      make("label", {}, "From", this.#since),
      make("label", {}, "To", this.#until),
      make("label", {}, "Prompt contains", this.#text),
      make("div", { className: "buttons" }, make("button", { type: "submit" }, "Apply filters"), clear),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      apply(this.#values());
    });
    clear.addEventListener("click", () => apply(NO_FILTERS));
  }

  /** @returns {Filters} */
  #values() {
    return {
      dag_id: this.#dag.value,
      model: this.#model.value,
      outcome: this.#outcome.value,
      since: this.#since.value,
      until: this.#until.value,
      text: this.#text.value.trim(),
      offset: 0,
    };
  }

  /** @param {Filters} filters */
  show({ dag_id, model, outcome, since, until, text }) {
    choose(this.#dag, dag_id);
    choose(this.#model, model);
    choose(this.#outcome, outcome);
    this.#since.value = since;
    this.#until.value = until;
    this.#text.value = text;
  }

  /**
   * Set what there is to choose from, and keep what a user has chosen or typed.
   *
   * @param {{dags: string[], models: string[]}} known
   */
  offer({ dags, models }) {
    const outcomes = Object.entries(OUTCOMES).map(([name, { text }]) => ({ value: name, text }));
    offerOptions(this.#dag, [{ value: "", text: "All DAGs" }, ...dags.map(makeOption)]);
    offerOptions(this.#model, [{ value: "", text: "All models" }, ...models.map(makeOption)]);
    offerOptions(this.#outcome, [{ value: "", text: "All outcomes" }, ...outcomes]);
  }
}

/** @typedef {{value: string, text: string}} Option */

/** @param {string} value */
function makeOption(value) {
  return { value, text: value };
}

/**
 * @param {HTMLSelectElement} select
 * @param {Option[]} options
 */
function offerOptions(select, options) {
  const chosen = select.value;
  fill(select, options, () => options.map((option) => make("option", option)));
  choose(select, chosen);
}

/**
 * Choose a value, even one that no generation has any more.
 *
 * @param {HTMLSelectElement} select
 * @param {string} value
 */
function choose(select, value) {
  select.value = value;
  if (select.value !== value) select.append(make("option", { ...makeOption(value), selected: true }));
}
