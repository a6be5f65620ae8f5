/** The sums of what the filters match, by day, DAG and model. */

import { drawChart, everyDay } from "./chart.js";
import { fill, make, makeLink } from "./dom.js";
import { sumNotes } from "./generations.js";
import { countText, dollarText } from "./texts.js";

/** @typedef {import("./generations.js").Sum} Sum */
/** @typedef {import("./generations.js").Sums} Sums */

/** Shows the sums, and keeps the tables open or closed as a user left them. */
export class SumsView {
  #overview = make("div", {});
  #days = new SumTable("By day", "Day");
  #dags = new SumTable("By DAG", "DAG", true);
  #models = new SumTable("By model", "Model", true);
  #export = make("p", {});
  element = make(
    "section",
    { className: "sums", ariaLabel: "Sums" },
    this.#overview,
    this.#days.element,
    this.#dags.element,
    this.#models.element,
    this.#export,
  );

  /**
   * @param {Sums} sums
   * @param {string} csvUrl
   */
  show(sums, csvUrl) {
    this.element.hidden = sums.count === 0;
    fill(this.#overview, sums, () => makeOverview(sums));
    this.#days.show(sums.by_day.map((each) => [each.day, each]));
    this.#dags.show(sums.by_dag.map((each) => [each.dag_id, each]));
    this.#models.show(sums.by_model.map((each) => [each.model ?? "unknown", each]));
    fill(this.#export, csvUrl, () => [makeLink(csvUrl, "_top", {}, "Export as CSV")]);
  }
}

/** @param {Sums} sums */
function makeOverview(sums) {
  const [first, ...others] = everyDay(sums.by_day);
  return [
    make("h2", {}, "Spending"),
    make(
      "p",
      { className: "total" },
      make("strong", {}, dollarText(sums.usd)),
      ` for ${countText(sums.count)} ${sums.count === 1 ? "generation" : "generations"}`,
    ),
    ...sumNotes(sums).map((note) => make("p", { className: "quiet" }, note)),
    ...(first === undefined ? [] : [makeChart([first, ...others])]),
  ];
}

/** @param {[import("./chart.js").Day, ...import("./chart.js").Day[]]} days */
function makeChart(days) {
  const caption = [days[0].day, "Spending per day", days.length > 1 ? (days.at(-1)?.day ?? "") : ""];
  return make("figure", { className: "chart" }, drawChart(days), make("figcaption", {}, ...caption.map((text) => make("span", {}, text))));
}

/** A table that opens and closes. */
class SumTable {
  #body = make("tbody", {});

  /**
   * @param {string} title
   * @param {string} heading
   */
  constructor(title, heading, open = false) {
    const head = [heading, "Generations", "USD"].map((text) => make("th", { scope: "col" }, text));
    const table = make("table", { ariaLabel: title }, make("thead", {}, make("tr", {}, ...head)), this.#body);
    this.element = make("details", { open }, make("summary", {}, title), table);
  }

  /** @param {[string, Sum][]} rows */
  show(rows) {
    fill(this.#body, rows, () => rows.map(makeRow));
  }
}

/** @param {[string, Sum]} row */
function makeRow([name, { count, usd }]) {
  const values = [countText(count), dollarText(usd)].map((text) => make("td", {}, text));
  return make("tr", {}, make("th", { scope: "row" }, name), ...values);
}
