// The part of the page that shows the portal's state, read anew: on return from a card, after a failure.
import { htmx } from "./settings.js";

export function readAnew(headers = {}) {
  const { ordersUrl } = document.body.dataset;
  return ordersUrl ? htmx.ajax("GET", ordersUrl, { target: "#orders", swap: "outerHTML", headers }) : Promise.resolve();
}

document.addEventListener("click", (event) => event.target.closest("[data-again]") && readAnew());
