// Which columns are hidden: a class on an element no swap touches, kept for the person by the portal.
import { htmx } from "./settings.js";

const main = document.querySelector("main");
const menu = document.getElementById("menu-columns");
const items = [...(menu?.querySelectorAll("[data-column]") ?? [])];

const hidden = () => items.filter((item) => item.getAttribute("aria-checked") === "false");

/** Cells across the whole row span the columns that are there; more would make the table wider. */
export function fit() {
  const away = hidden().length;
  for (const cell of document.querySelectorAll("#grid [data-span]")) cell.colSpan = cell.dataset.span - away;
}

let saving;

menu?.addEventListener("click", ({ target }) => {
  const item = target.closest("[data-column]");
  if (!item) return;
  const shown = item.getAttribute("aria-checked") !== "true";
  item.setAttribute("aria-checked", String(shown));
  main.classList.toggle(`hide-${item.dataset.column}`, !shown);
  fit();
  clearTimeout(saving);
  saving = setTimeout(keep, 400);
});

function keep() {
  const names = hidden().map((item) => item.dataset.column);
  htmx.ajax("POST", document.body.dataset.columnsUrl, { source: menu, values: { hidden: names }, swap: "none" });
}
