// The picker's search: chips and the period are fields of its form, and nothing is asked for twice.
import { day } from "./format.js";
import { htmx } from "./settings.js";

const form = () => document.getElementById("picker-search");
const narrow = () => form().parentElement;
const input = (name) => form().elements.namedItem(name);

/** What the dialog shows now or is loading. */
let asked = null;

const search = () => htmx.trigger(form(), "submit");

function press(chip, on) {
  chip.setAttribute("aria-pressed", String(on));
  chip.querySelector("use[href='#i-check']")?.parentElement.toggleAttribute("hidden", !on);
  input(chip.dataset.chip).value = on ? "on" : "";
}

const chip = (name) => narrow().querySelector(`[data-chip="${name}"]`);

function toggle(pressed) {
  const on = pressed.getAttribute("aria-pressed") !== "true";
  press(pressed, on);
  if (pressed.dataset.chip === "recent" && on) setPeriod("", "");
  search();
}

// --- the period ---------------------------------------------------------------------------------

const opener = () => narrow().querySelector("[data-period-open]");
const popover = () => document.getElementById("picker-period");

function openPeriod(open) {
  popover().hidden = !open;
  opener().setAttribute("aria-expanded", String(open));
  (open ? input("since") : opener()).focus();
}

function setPeriod(since, until) {
  input("since").value = since;
  input("until").value = until;
  const text = narrow().querySelector("[data-period-text]");
  opener().classList.toggle("on", Boolean(since || until));
  text.textContent = periodText(text.dataset, since, until);
}

function periodText(texts, since, until) {
  const shown = (iso) => day(iso, document.body.dataset.months);
  if (since && until) return [since, until].sort().map(shown).join(" – ");
  if (since) return texts.textFrom.replace("{day}", shown(since));
  return until ? texts.textTo.replace("{day}", shown(until)) : texts.textNone;
}

function applyPeriod() {
  if (!input("since").reportValidity() || !input("until").reportValidity()) return;
  setPeriod(input("since").value, input("until").value);
  press(chip("recent"), false);
  openPeriod(false);
  search();
}

document.addEventListener("click", (event) => {
  if (!form()) return;
  const on = (selector) => event.target.closest(selector);
  if (on("[data-chip]")) toggle(on("[data-chip]"));
  else if (on("[data-period-open]")) openPeriod(popover().hidden);
  else if (on("[data-period-apply]")) applyPeriod();
  else if (on("[data-period-clear]")) {
    setPeriod("", "");
    openPeriod(false);
    search();
  } else if (!popover().hidden && !on("#picker-period")) {
    popover().hidden = true;
    opener().setAttribute("aria-expanded", "false");
  }
});

document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.("#picker-period")) return;
  // Enter would send the search with half a period, Escape would close the whole dialog.
  if (event.key === "Escape") openPeriod(false);
  else if (event.key === "Enter" && event.target.matches("input")) applyPeriod();
  else return;
  event.preventDefault();
});

// --- never the same twice -----------------------------------------------------------------------

const key = (parameters) => JSON.stringify(Object.entries(parameters).sort());

document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  if (elt.id !== "picker-search") return;
  parameters.q = parameters.q.trim();
  const wanted = key(parameters);
  if (wanted === asked) event.preventDefault();
  else asked = wanted;
});

// A search that failed may be asked again; a new dialog begins afresh.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id === "picker-search" && !event.detail.xhr.status.toString().startsWith("2")) asked = null;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target.id === "dialog-host") asked = null;
});
