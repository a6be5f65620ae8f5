/**
 * Applies the theme of Airflow's pages around this one, and each change of it.
 *
 * This is a classic script, not a module, because it must run before the first paint.
 */

/** The key in local storage under which Airflow's pages keep "light", "dark" or "system". */
const KEY = "theme";

const system = window.matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const chosen = localStorage.getItem(KEY);
  const isDark = chosen === "dark" || (chosen !== "light" && system.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}

applyTheme();
system.addEventListener("change", applyTheme);
window.addEventListener("storage", applyTheme);
