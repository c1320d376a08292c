// People who may only view orders, or none, are not offered to link them; the reason is shown below.
const REASONS = "#orders [data-note=read-only] h2, #orders [data-note=unpaid] h2, #orders > .state[role=alert] h2, #orders [data-note=no-details] p";

function show() {
  // Where there is no store there is nothing to link; a later reload may find a store.
  const picker = document.getElementById("open-picker");
  if (picker && document.getElementById("orders")) picker.hidden = document.querySelector("#orders [data-state=no-store]") !== null;
  const reason = document.querySelector(REASONS)?.textContent ?? "";
  hold(picker, reason);
  // The amount is the card's, which somebody may change without any right to change orders.
  hold(document.getElementById("set-amount"), document.querySelector("[data-note=unpaid]") ? reason : "");
}

function hold(button, reason) {
  if (!button) return;
  button.disabled = reason !== "";
  button.title = reason;
}

document.addEventListener("htmx:afterSwap", show);
show();
