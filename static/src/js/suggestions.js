// Suggestions shrink as they are dismissed: words follow the number of those that are left.
import { counted } from "./counted.js";
import { htmx } from "./settings.js";

function show() {
  const place = document.querySelector("[data-suggestions]");
  if (!place) return;
  const left = place.querySelectorAll("[data-suggested]").length;
  if (place.matches(".hint")) place.hidden = !left;
  for (const element of place.querySelectorAll("[data-suggestions-some]")) element.hidden = !left;
  for (const element of place.querySelectorAll("[data-suggestions-none]")) element.hidden = left > 0;
  const title = place.querySelector("[data-suggestions-count]");
  if (title && left) title.textContent = counted(title, left);
  const some = place.querySelector("p[data-suggestions-some]");
  if (some) some.textContent = some.dataset[{ 1: "textOne", 2: "textTwo" }[left] ?? "textOther"];
  const all = place.querySelector("[data-suggestions-all]");
  all.hidden = left < 2;
  all.textContent = left === 2 ? all.dataset.textTwo : all.dataset.textOther;
  const find = place.querySelector("[data-find]");
  if (find) find.textContent = left ? find.dataset.textSome : find.dataset.textNone;
}

// Not after the swap: a row that is gone tells nobody.
document.addEventListener("htmx:afterRequest", show);

// The button that was pressed goes with its row, and was switched off before: the next row's takes the focus.
document.addEventListener("htmx:beforeSwap", (event) => {
  const row = event.detail.target.closest?.("[data-suggested]");
  const elsewhere = document.activeElement !== document.body && !row?.contains(document.activeElement);
  if (!row || elsewhere || !event.detail.shouldSwap) return;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  (next?.querySelector(".btn.icon") ?? document.getElementById("open-picker"))?.focus();
});

// What comes by itself pushes no rows away from under a hand: it waits until the pointer is elsewhere.
let overRows = false;
let postponed = null;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt, target, xhr, shouldSwap } = detail;
  if (elt !== target || target.id !== "suggestions" || !shouldSwap || !overRows) return;
  detail.shouldSwap = false;
  postponed = { target, elt, xhr };
});

function at(rows) {
  overRows = Boolean(rows);
  if (overRows || !postponed) return;
  const { target, xhr } = postponed;
  if (target.isConnected) htmx.swap(target, xhr.response, { swapStyle: "outerHTML" }, { eventInfo: postponed });
  postponed = null;
}

document.addEventListener("pointerover", ({ target }) => at(target.closest("#grid")));
document.documentElement.addEventListener("mouseleave", () => at(null));

// Where no new ones come, those that kept their place go too: nobody could press them.
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, ({ detail: { target } }) => target.id === "suggestions" && target.replaceChildren());
}
