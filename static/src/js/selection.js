// Which rows are ticked, by order id, through swaps and pages; the action panel and the sum follow.
import { money } from "./format.js";

/** @type {Map<string, DOMStringMap>} order id -> what its row says */
const chosen = new Map();

const rowsOf = () => [...document.querySelectorAll("#grid tr[data-order-id]")];
const forAll = () => document.querySelector("[data-for-all]");

function show() {
  const rows = rowsOf();
  const whole = forAll()?.checked === true;
  const ticked = (row) => whole || chosen.has(row.dataset.orderId);
  for (const row of rows) {
    if (chosen.has(row.dataset.orderId)) chosen.set(row.dataset.orderId, { ...row.dataset });
    row.classList.toggle("sel", ticked(row));
    row.setAttribute("aria-selected", String(ticked(row)));
    row.querySelector("[data-check]").checked = ticked(row);
  }
  const all = document.querySelector("[data-check-all]");
  if (!all) return;
  const here = rows.filter(ticked).length;
  all.checked = here > 0 && here === rows.length;
  all.indeterminate = here > 0 && here < rows.length;
  const every = whole && forAll().dataset.forAll;
  document.querySelector("[data-selected-count]").textContent = every || String(chosen.size);
  const sums = document.querySelector("[data-selected-sums]");
  sums.replaceChildren(...(every ? [] : selectedSums()).flatMap((text) => [" · ", strong(text)]));
  panel();
}

function panel() {
  const form = document.querySelector("[data-panel]");
  const every = forAll().checked;
  const awake = every || chosen.size > 0;
  form.classList.toggle("awake", awake);
  for (const button of form.querySelectorAll("[role=toolbar] button")) button.disabled = !awake;
  const fields = every
    ? []
    : [...chosen].flatMap(([id, order]) => [
        field("order", `${id}|`),
        field("number", order.number),
        field("held", `${id}|${order.status}`),
      ]);
  form.querySelector("[data-panel-fields]").replaceChildren(...fields);
}

/** Sums by currency to the last digit: amounts are added as whole ten-thousandths. Cancelled orders count nothing. */
function selectedSums() {
  const sums = new Map();
  for (const { amount, moneyForm, canceled } of chosen.values()) {
    if (amount === undefined || canceled !== undefined) continue;
    sums.set(moneyForm, (sums.get(moneyForm) ?? 0n) + tenThousandths(amount));
  }
  return [...sums].map(([form, sum]) => money(sum, form));
}

function tenThousandths(amount) {
  const [, sign, whole, part = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount);
  return BigInt(`${sign}${whole}${part.slice(0, 4).padEnd(4, "0")}`);
}

function strong(text) {
  return Object.assign(document.createElement("b"), { textContent: text });
}

export function field(name, value) {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name, value });
  return input;
}

function tick(row, on) {
  if (on) chosen.set(row.dataset.orderId, { ...row.dataset });
  else chosen.delete(row.dataset.orderId);
}

/** Whoever unticks a row means the others that are shown, no longer all there are. */
function leaveAll() {
  if (!forAll()?.checked) return;
  forAll().checked = false;
  for (const row of rowsOf()) tick(row, true);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check], [data-check-all]")) leaveAll();
  if (event.target.matches("[data-check]")) tick(event.target.closest("tr"), event.target.checked);
  else if (event.target.matches("[data-check-all]")) {
    for (const row of rowsOf()) tick(row, event.target.checked);
  } else if (event.target !== forAll()) return;
  show();
});

// A change redraws the whole region: what was ticked has been dealt with. What somebody else has taken
// out of the card is not ticked any more either.
function forget({ dataset }) {
  if (dataset.changed !== undefined) {
    chosen.clear();
    delete dataset.changed;
  }
  const linked = new Set(dataset.linked.split(" "));
  if (linked.size > 1) for (const id of chosen.keys()) if (!linked.has(id)) chosen.delete(id);
}

let every = false;

document.addEventListener("htmx:beforeSwap", () => (every = forAll()?.checked ?? false));
document.addEventListener("htmx:afterSwap", () => {
  const orders = document.querySelector("#orders[data-linked]");
  const changed = orders?.dataset.changed !== undefined;
  if (orders) forget(orders);
  if (forAll()) forAll().checked = every && !changed;
  show();
});

show();
