// The picker: ticks kept across searches and pages, a count on the button, a warning before anything is moved.
import { field } from "./selection.js";
import { counted } from "./counted.js";

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

// A search that comes back late must not take the focus out of somebody's hands.
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
  // Whoever pressed "Show more" goes on with the first of what came.
  if (further) firstAfter(Number(requestConfig.parameters?.shown ?? 0))?.focus();
  if (target.id !== "picker-results" || !focused) return;
  const same = form().querySelector(`tr[data-order-id="${focused}"] [data-pick]`);
  (same ?? document.querySelector("#picker-search input"))?.focus();
  focused = undefined;
});

/** An order shown first as the exact match comes again at its own place. */
function unique() {
  const seen = new Set();
  for (const row of rowsOf()) {
    if (seen.has(row.dataset.orderId)) row.remove();
    seen.add(row.dataset.orderId);
  }
}

const firstAfter = (shown) => rowsOf().slice(shown).map(box).find((checkbox) => !checkbox.disabled);
