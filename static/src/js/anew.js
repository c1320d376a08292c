// Reads the part of the page that shows the portal's state again: on return from a card, after a failure.
import { htmx } from "./settings.js";

export function readAnew(headers = {}) {
  const { ordersUrl } = document.body.dataset;
  return ordersUrl ? htmx.ajax("GET", ordersUrl, { target: "#orders", swap: "outerHTML", headers }) : Promise.resolve();
}

/** Loads the orders, or what the button names, in place of a state. */
function again(button) {
  const { again: url, againIn } = button.dataset;
  if (!url) return readAnew();
  const target = (againIn && document.getElementById(againIn)) || button.closest(".state");
  return htmx.ajax("GET", url, { target, swap: "outerHTML" });
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-again]");
  if (button) again(button);
});
