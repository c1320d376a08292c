// The picker: what is selected stays across searches and pages and is shown above the button; a warning before
// anything is moved.
import { field } from "./selection.js";
import { counted } from "./counted.js";
import { settled } from "./search.js";

/** @type {Map<string, {number: string, place: string, seen: string, name: Node | null, who: string}>} by order id */
let ticked = new Map();

const form = () => document.querySelector("[data-picker]");
const rowsOf = () => [...document.querySelectorAll("#picker-results tr[data-order-id]")];
const box = (row) => row.querySelector("[data-pick]");
const moves = () => [...ticked.values()].filter((order) => order.place === "deal" || order.place === "invoice");
const limit = () => Number(form().dataset.limit);

function show() {
  const picker = form();
  if (!picker) return;
  const rows = rowsOf();
  for (const row of rows) {
    const on = ticked.has(row.dataset.orderId);
    box(row).checked = on;
    row.classList.toggle("sel", on);
    row.setAttribute("aria-selected", String(on));
    const mark = row.querySelector("[data-will-move]");
    if (mark) mark.hidden = !on;
  }
  all(rows.filter((row) => !box(row).disabled));
  warning(picker);
  chips(picker);
  picker.querySelector("[data-picker-count]").textContent = String(ticked.size);
  const submit = picker.querySelector("[data-picker-submit]");
  submit.textContent = ticked.size ? counted(submit, ticked.size) : submit.dataset.textNone;
  const agreed = !moves().length || picker.querySelector("[data-picker-move]").checked;
  submit.disabled = !ticked.size || !agreed;
  const fields = [...ticked].map(([id, order]) => field("order", `${id}|${order.seen}`));
  picker.querySelector("[data-picker-fields]").replaceChildren(...fields);
}

/** The header's tick follows the shown rows that can be ticked. */
function all(rows) {
  const head = document.querySelector("[data-pick-all]");
  if (!head) return;
  const on = rows.filter((row) => ticked.has(row.dataset.orderId)).length;
  head.checked = on > 0 && on === rows.length;
  head.indeterminate = on > 0 && on < rows.length;
  head.disabled = !rows.length;
}

function chips(picker) {
  const list = picker.querySelector("[data-picker-chosen]");
  const template = picker.querySelector("[data-picker-chip]");
  list.hidden = !ticked.size;
  list.replaceChildren(...[...ticked].map(([id, one]) => chip(template, id, one)));
}

function chip(template, id, { number }) {
  const made = template.content.cloneNode(true);
  const button = made.querySelector("[data-unpick]");
  button.dataset.unpick = id;
  button.setAttribute("aria-label", button.dataset.textLabel.replace("{number}", number));
  button.querySelector("span").textContent = button.dataset.text.replace("{number}", number);
  return made;
}

function warning(picker) {
  const moved = moves();
  const note = picker.querySelector("[data-picker-moves]");
  note.hidden = !moved.length;
  if (!moved.length) {
    picker.querySelector("[data-picker-move]").checked = false;
    return;
  }
  const deals = moved.filter((order) => order.place === "deal").length;
  for (const [name, wanted] of [["deals", deals === moved.length], ["mixed", deals < moved.length]]) {
    const title = picker.querySelector(`[data-moves-${name}]`);
    title.hidden = !wanted;
    title.textContent = counted(title, moved.length);
  }
  picker.querySelector("[data-moves-automation]").hidden = !deals;
  const list = picker.querySelector("[data-picker-moves-list]");
  list.replaceChildren(...moved.map((order) => fromWhere(order, list.dataset.textItem)));
}

/** "No. 1184 from Deal 6933 Winter catalogue, Tom Becker", with the place as the row had it. */
function fromWhere(order, text) {
  const item = document.createElement("li");
  const [before, after = ""] = text.replace("{number}", order.number).split("{place}");
  item.append(before, order.name.cloneNode(true), after, order.who && `, ${order.who}`);
  return item;
}

function tick(row, on) {
  const { orderId, number, place, seen } = row.dataset;
  if (!on) return ticked.delete(orderId);
  if (ticked.has(orderId)) return true;
  if (ticked.size >= limit()) return false;
  const name = row.querySelector("[data-place-name]");
  const who = row.querySelector("[data-place-who]")?.textContent ?? "";
  ticked.set(orderId, { number, place, seen, name: name?.cloneNode(true) ?? null, who });
  return true;
}

document.addEventListener("change", (event) => {
  const { target } = event;
  if (!target.matches("[data-pick], [data-pick-all], [data-picker-move]")) return;
  let refused = false;
  if (target.matches("[data-pick]")) refused = !tick(target.closest("tr"), target.checked) && target.checked;
  if (target.matches("[data-pick-all]")) {
    const rows = rowsOf().filter((row) => !box(row).disabled);
    refused = rows.map((row) => tick(row, target.checked)).includes(false) && target.checked;
  }
  form().querySelector("[data-picker-full]").hidden = !refused;
  show();
});

document.addEventListener("click", ({ target }) => {
  const pressed = target.closest("[data-unpick]");
  if (!pressed) return;
  const at = [...ticked.keys()].indexOf(pressed.dataset.unpick);
  ticked.delete(pressed.dataset.unpick);
  form().querySelector("[data-picker-full]").hidden = true;
  show();
  const left = form().querySelectorAll("[data-unpick]");
  (left[Math.min(at, left.length - 1)] ?? document.querySelector("#picker-search input[name=q]")).focus();
});

/** Enter in the search links the only order found; with others selected, or to be moved, it waits for the button. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches?.("#picker-search [name=q]") || !settled()) return;
  const rows = rowsOf();
  if (rows.length !== 1 || box(rows[0]).disabled || document.getElementById("picker-further")) return;
  event.preventDefault();
  if (!tick(rows[0], true)) return;
  show();
  const consent = form().querySelector("[data-picker-move]");
  if (moves().length) consent.focus();
  else if (ticked.size === 1) form().requestSubmit();
  else form().querySelector("[data-picker-submit]").focus();
});

// New results must not take the focus away from a row that is still there.
let focused;

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "picker-results") return;
  focused = document.activeElement?.closest("#picker-results tr[data-order-id]")?.dataset.orderId;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (target.id === "dialog-host") ticked = new Map();
  if (!form()) return;
  const further = requestConfig?.elt.closest?.("#picker-further");
  if (further) unique();
  show();
  // After "Show more" the focus goes to the first new row.
  if (further) firstAfter(Number(requestConfig.parameters?.shown ?? 0))?.focus();
  if (target.id !== "picker-results" || !focused) return;
  const same = form().querySelector(`tr[data-order-id="${focused}"] [data-pick]`);
  (same ?? document.querySelector("#picker-search input"))?.focus();
  focused = undefined;
});

/** An exact match that was listed first comes again in its normal place. */
function unique() {
  const seen = new Set();
  for (const row of rowsOf()) {
    if (seen.has(row.dataset.orderId)) row.remove();
    seen.add(row.dataset.orderId);
  }
}

const firstAfter = (shown) => rowsOf().slice(shown).map(box).find((checkbox) => !checkbox.disabled);
