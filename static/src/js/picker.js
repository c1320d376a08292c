// The picker: ticks kept across searches, a count on the button, a warning before anything is moved.
import { field } from "./selection.js";

/** @type {Map<string, DOMStringMap>} order id -> what its row said */
let ticked = new Map();

const form = () => document.querySelector("[data-picker]");
const moves = () => [...ticked.values()].filter((one) => one.place === "deal" || one.place === "invoice");

/** The text for `n` in the page's language, from the data-text-… of `element`. */
function counted(element, n) {
  const rule = new Intl.PluralRules(document.documentElement.lang).select(n);
  const name = `text${rule[0].toUpperCase()}${rule.slice(1)}`;
  return (element.dataset[name] ?? element.dataset.textOther).replace("{n}", String(n));
}

function show() {
  const picker = form();
  if (!picker) return;
  for (const row of picker.querySelectorAll("tr[data-order-id]")) {
    const on = ticked.has(row.dataset.orderId);
    row.querySelector("[data-pick]").checked = on;
    row.classList.toggle("sel", on);
    row.setAttribute("aria-selected", String(on));
    const mark = row.querySelector("[data-will-move]");
    if (mark) mark.hidden = !on;
  }
  warning(picker);
  picker.querySelector("[data-picker-count]").textContent = String(ticked.size);
  const submit = picker.querySelector("[data-picker-submit]");
  submit.textContent = ticked.size ? counted(submit, ticked.size) : submit.dataset.textNone;
  const agreed = !moves().length || picker.querySelector("[data-picker-move]").checked;
  submit.disabled = !ticked.size || !agreed;
  picker
    .querySelector("[data-picker-fields]")
    .replaceChildren(...[...ticked].map(([id, one]) => field("order", `${id}|${one.seen}`)));
}

function warning(picker) {
  const moved = moves();
  const note = picker.querySelector("[data-picker-moves]");
  note.hidden = !moved.length;
  if (!moved.length) {
    picker.querySelector("[data-picker-move]").checked = false;
    return;
  }
  const title = picker.querySelector("[data-picker-moves-title]");
  title.textContent = counted(title, moved.length);
  const list = picker.querySelector("[data-picker-moves-list]");
  list.replaceChildren(
    ...moved.map((one) => {
      const item = document.createElement("li");
      item.textContent = list.dataset.textItem.replace("{number}", one.number).replace("{place}", one.placeLabel);
      return item;
    }),
  );
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick]")) {
    const { dataset } = event.target.closest("tr");
    const full = ticked.size >= Number(form().dataset.limit);
    if (!event.target.checked) ticked.delete(dataset.orderId);
    else if (!full) ticked.set(dataset.orderId, { ...dataset });
  } else if (!event.target.matches("[data-picker-move]")) return;
  show();
});

// A search that comes back late must not take the focus out of somebody's hands.
let focused;

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "picker-results") return;
  focused = document.activeElement?.closest("#picker-results tr[data-order-id]")?.dataset.orderId;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "dialog-host") ticked = new Map();
  show();
  if (event.detail.target.id !== "picker-results" || !focused) return;
  const same = form()?.querySelector(`tr[data-order-id="${focused}"] [data-pick]`);
  (same ?? document.querySelector("#picker-search input"))?.focus();
  focused = undefined;
});
