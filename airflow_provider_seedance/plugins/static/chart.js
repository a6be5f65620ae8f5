/** The chart of spending per day. */

import { dollarText } from "./texts.js";

/** @typedef {{day: string, usd: number, count: number}} Day */

const SVG = "http://www.w3.org/2000/svg";
/** Milliseconds. */
const DAY = 24 * 3600 * 1000;
/** Units of the drawing. */
const [HEIGHT, WIDTH, GAP, FEWEST] = [100, 10, 2, 14];

/** The most days that the chart shows with gaps. */
const LONGEST = 732;

/**
 * Return all days from the first to the last, so that a day without generations is a gap; over a longer time only those
 * with generations.
 *
 * @param {readonly Day[]} days In any order.
 * @returns {Day[]} Oldest first.
 */
export function everyDay(days) {
  const known = new Map(days.map((each) => [each.day, each]));
  const times = days.map((each) => Date.parse(each.day));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  if (last - first > LONGEST * DAY) return [...days].sort((one, other) => Date.parse(one.day) - Date.parse(other.day));
  const filled = [];
  for (let time = first; time <= last; time += DAY) {
    const day = new Date(time).toISOString().slice(0, 10);
    filled.push(known.get(day) ?? { day, usd: 0, count: 0 });
  }
  return filled;
}

/**
 * Return the day with the highest sum.
 *
 * @param {readonly [Day, ...Day[]]} days
 */
export function highestDay(days) {
  return days.reduce((highest, each) => (each.usd > highest.usd ? each : highest));
}

/**
 * Draw a bar for each day.
 *
 * @param {readonly [Day, ...Day[]]} days Oldest first.
 */
export function drawChart(days) {
  const highest = highestDay(days);
  const chart = draw("svg", {
    viewBox: `0 0 ${Math.max(days.length, FEWEST) * WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `Spending per day, at most ${dollarText(highest.usd)} on ${highest.day}`,
  });
  chart.append(...days.map((each, index) => drawBar(each, index, highest.usd)));
  return chart;
}

/**
 * @param {Day} day
 * @param {number} index
 * @param {number} highest
 */
function drawBar({ day, usd, count }, index, highest) {
  const height = highest > 0 ? (usd / highest) * HEIGHT : 0;
  const bar = draw("rect", { x: index * WIDTH, y: HEIGHT - height, width: WIDTH - GAP, height });
  const title = draw("title", {});
  title.textContent = `${day}: ${dollarText(usd)}, ${count}`;
  bar.append(title);
  return bar;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function draw(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, String(value));
  return element;
}
