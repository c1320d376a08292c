// The bar with orders of this client: opened and closed by its button, counted as suggestions are dismissed.
import { counted } from "./counted.js";
import { htmx } from "./settings.js";

const bar = () => document.querySelector("[data-suggestions]");

// A bar that is drawn again stays as the person left it.
let opened = false;

function open(place) {
  place.classList.toggle("open", opened);
  place.querySelector("[data-suggestions-turn]")?.setAttribute("aria-expanded", String(opened));
}

/** Texts for the number of suggestions that are left. */
function count(place) {
  const shown = place.querySelectorAll("[data-suggested]").length;
  const total = Number(place.dataset.count);
  for (const one of place.querySelectorAll("[data-suggestions-some]")) one.hidden = !shown;
  place.querySelector("[data-suggestions-none]").hidden = shown > 0;
  const number = `${total}${"more" in place.dataset ? "+" : ""}`;
  for (const one of place.querySelectorAll("[data-suggestions-count]")) {
    one.textContent = counted(one, total, number).replace("{m}", String(shown));
  }
  const all = place.querySelector("[data-suggestions-all]");
  if (all) {
    all.hidden = shown < 2;
    all.textContent = shown === 2 ? all.dataset.textTwo : all.dataset.textOther;
  }
}

document.addEventListener("click", ({ target }) => {
  const turn = target.closest("[data-suggestions-turn]");
  if (!turn) return;
  opened = !opened;
  open(turn.closest("[data-suggestions]"));
});

document.addEventListener("htmx:afterSwap", () => bar() && open(bar()));

// The button that was pressed goes with its row, and is switched off by then: the next row's gets the focus.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const row = detail.target.closest?.("[data-suggested]");
  const elsewhere = document.activeElement !== document.body && !row?.contains(document.activeElement);
  if (!row || elsewhere || !detail.shouldSwap) return;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  (next?.querySelector(".btn.icon") ?? document.getElementById("open-picker"))?.focus();
});

// Not after the swap: a row that is gone fires no event.
document.addEventListener("htmx:afterRequest", ({ detail: { target, successful } }) => {
  if (!target.matches?.("[data-suggested]") || !successful) return;
  const place = bar();
  place.dataset.count = String(Number(place.dataset.count) - 1);
  const left = place.querySelector("[data-suggested]");
  if (!left && place.querySelector("#suggestions-all")) return void htmx.ajax("GET", place.dataset.url, { target: place, swap: "outerHTML" });
  count(place);
});

// If the new bar cannot be loaded, the disabled old one is removed.
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, ({ detail: { target } }) => target.id === "suggestions" && target.querySelector(":scope > [inert]")?.remove());
}
