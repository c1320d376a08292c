// The picker's search: chips and the period are fields of its form. Nothing is asked for twice, and what
// does not belong to the search as it stands is locked, or dropped if it arrives late.
import { day } from "./format.js";
import { htmx } from "./settings.js";

const form = () => document.getElementById("picker-search");
const narrow = () => form().parentElement;
const input = (name) => form().elements.namedItem(name);

function search() {
  lock();
  htmx.trigger(form(), "submit");
}

function press(chip, on) {
  chip.setAttribute("aria-pressed", String(on));
  chip.querySelector("use[href='#i-check']")?.parentElement.toggleAttribute("hidden", !on);
  input(chip.dataset.chip).value = on ? "on" : "";
}

const chip = (name) => narrow().querySelector(`[data-chip="${name}"]`);

function toggle(pressed) {
  const on = pressed.getAttribute("aria-pressed") !== "true";
  chosen();
  press(pressed, on);
  if (pressed.dataset.chip === "recent" && on) setPeriod("", "");
  search();
}

// --- the filters it opens with: given up for a text, and back without one ------------------------

/** The filters are the person's own choice from now on. */
const chosen = () => form().removeAttribute("data-automatic");

let opening = null;

function follow(text) {
  if (!form().hasAttribute("data-automatic")) return;
  opening ??= { mine: input("mine").value, since: input("since").value };
  press(chip("mine"), !text && opening.mine === "on");
  press(chip("unlinked"), !text);
  setPeriod(text ? "" : opening.since, "");
}

/** All unlinked orders, of any client. */
function widen() {
  chosen();
  press(chip("mine"), false);
  press(chip("unlinked"), true);
  press(chip("recent"), false);
  setPeriod("", "");
  search();
  input("q").focus();
}

// --- the period ---------------------------------------------------------------------------------

const opener = () => narrow().querySelector("[data-period-open]");
const popover = () => document.getElementById("picker-period");

/** The period as it was applied; days that were only typed are forgotten as the popover closes. */
let applied = { since: "", until: "" };

function openPeriod(open) {
  const inside = popover().contains(document.activeElement);
  popover().hidden = !open;
  opener().setAttribute("aria-expanded", String(open));
  if (open) return input("since").focus();
  if (inside) opener().focus();
  setPeriod(applied.since, applied.until);
  search();
}

function setPeriod(since, until) {
  applied = { since, until };
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
  chosen();
  setPeriod(input("since").value, input("until").value);
  press(chip("recent"), false);
  openPeriod(false);
}

document.addEventListener("click", (event) => {
  if (!form()) return;
  const on = (selector) => event.target.closest(selector);
  if (on("[data-chip]")) toggle(on("[data-chip]"));
  else if (on("[data-period-open]")) openPeriod(popover().hidden);
  else if (on("[data-period-apply]")) applyPeriod();
  else if (on("[data-widen]")) widen();
  else if (on("[data-period-clear]")) {
    chosen();
    setPeriod("", "");
    openPeriod(false);
  } else if (!popover().hidden && !on("#picker-period")) openPeriod(false);
});

document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.("#picker-period")) return;
  // Enter would search with half a period, Escape would close the whole dialog.
  if (event.key === "Escape") openPeriod(false);
  else if (event.key === "Enter" && event.target.matches("input")) applyPeriod();
  else return;
  event.preventDefault();
});

// --- never the same twice, never what comes late ------------------------------------------------

/** The searches that are on their way, and in the dialog. */
let asked = null;
let shown = null;

function current() {
  const fields = [...new FormData(form())].map(([name, value]) => [name, value.trim()]);
  return JSON.stringify(fields.sort());
}

/** Whether the dialog shows what the search asks for. */
export const settled = () => Boolean(form()) && current() === shown;

const results = () => document.getElementById("picker-results");

/** What is in the dialog can be ticked only while it belongs to the search as it stands. */
function lock() {
  results().inert = !settled();
  results().setAttribute("aria-busy", String(!settled()));
}

document.addEventListener("input", ({ target }) => {
  if (!form() || target !== input("q")) return;
  follow(target.value.trim());
  lock();
});

const isSearch = (elt) => elt.id === "picker-search";

document.addEventListener("htmx:confirm", (event) => {
  if (!isSearch(event.detail.elt)) return;
  const wanted = current();
  if (wanted === asked || wanted === shown) event.preventDefault();
});

document.addEventListener("htmx:configRequest", ({ detail: { elt, parameters } }) => {
  if (!isSearch(elt)) return;
  parameters.q = parameters.q.trim();
  asked = current();
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!isSearch(detail.requestConfig.elt) || !detail.shouldSwap) return;
  if (current() !== asked) detail.shouldSwap = false;
  // A search that failed may be asked again.
  else shown = detail.xhr.status < 400 ? asked : null;
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!isSearch(detail.elt) || !form()) return;
  asked = null;
  lock();
  if (shown === null) results().inert = false;
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.target.id === "dialog-host") asked = shown = opening = null;
});

// A period that the dialog opens with is named as one that was chosen.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "dialog-host" && form()) setPeriod(input("since").value, input("until").value);
});
