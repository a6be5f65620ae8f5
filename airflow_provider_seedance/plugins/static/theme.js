/**
 * The theme of Airflow's pages around this one, and every change of it.
 *
 * This is no module, so that it runs before anything is painted.
 */

/** Where Airflow's pages keep the choice, which is "light", "dark" or "system". */
const KEY = "theme";

const system = window.matchMedia("(prefers-color-scheme: dark)");

function takeOnTheme() {
  const chosen = localStorage.getItem(KEY);
  const isDark = chosen === "dark" || (chosen !== "light" && system.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}

takeOnTheme();
system.addEventListener("change", takeOnTheme);
window.addEventListener("storage", takeOnTheme);
