// Rows that open to what an order holds, fetched when they are opened. An open row stays open through
// swaps; when the region has been read again, open details are fetched again too.
import { fit } from "./columns.js";
import { htmx } from "./settings.js";

const url = document.body.dataset.detailsUrl;

const rowOf = (id) => document.querySelector(`#grid tr[data-order-id="${id}"]`);
const idOf = (more) => more.id.slice("more-".length);

function made(template, id) {
  const more = document.getElementById(template).content.firstElementChild.cloneNode(true);
  more.id = `more-${id}`;
  return more;
}

function mark(row, open) {
  row.classList.toggle("open", open);
  row.querySelector("[data-turn]").setAttribute("aria-expanded", String(open));
}

function ask(id) {
  htmx.ajax("GET", `${url}?order=${id}`, { source: `#turn-${id}`, target: `#more-${id}`, swap: "outerHTML" });
}

function show(row) {
  row.after(made("tpl-more", row.dataset.orderId));
  mark(row, true);
  fit();
  ask(row.dataset.orderId);
}

document.addEventListener("click", ({ target }) => {
  const row = target.closest("[data-turn]")?.closest("tr");
  if (row) {
    const more = document.getElementById(`more-${row.dataset.orderId}`);
    if (!more) return show(row);
    more.remove();
    mark(row, false);
  }
  const failed = target.closest("[data-more-again]")?.closest("tr");
  if (failed) {
    const id = idOf(failed);
    failed.remove();
    show(rowOf(id));
    rowOf(id).querySelector("[data-turn]").focus();
  }
});

/** @type {Element[]} */
let kept = [];

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  if (target.id === "grid" || target.id === "orders") kept = [...target.querySelectorAll("tr.more")];
});

document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  for (const more of kept) {
    const row = rowOf(idOf(more));
    if (!row || document.getElementById(more.id)) continue;
    row.after(more);
    mark(row, true);
    if (target.id === "orders") ask(idOf(more));
  }
  kept = [];
  fit();
});

for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, ({ detail: { target } }) => {
    if (target.matches("tr.more")) target.replaceWith(made("tpl-more-failed", idOf(target)));
    fit();
  });
}
