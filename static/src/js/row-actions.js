// What is changed in a row itself: the status by its menu, the responsible person by the portal's own
// selector; and what the dialogs of a row fill in by themselves.
import { portal } from "./portal.js";
import { htmx } from "./settings.js";

const swap = { target: "#orders", swap: "outerHTML" };

function setStatus(item) {
  const menu = item.closest("#menu-status");
  const source = document.getElementById(menu.dataset.opener);
  const { orderId, status } = source.closest("tr").dataset;
  const to = item.dataset.statusTo;
  if ("cancels" in item.dataset) {
    htmx.ajax("GET", menu.dataset.cancel, { source, target: "#dialog-host", values: { order: orderId } });
  } else if (to !== status) {
    htmx.ajax("POST", menu.dataset.setStatus, { source, ...swap, values: { held: `${orderId}|${status}`, to } });
  }
}

/** In a row the person is set at once; for a selection a dialog leads to a job. */
async function setResponsible(button) {
  const frame = await portal;
  const person = await frame?.dialog.selectUser().catch(() => null);
  if (!person?.id) return;
  const url = button.dataset.setResponsible;
  const panel = button.closest("[data-panel]");
  if (panel) {
    const form = new FormData(panel);
    const values = Object.fromEntries([...new Set(form.keys())].map((name) => [name, form.getAll(name)]));
    htmx.ajax("POST", url, { source: button, target: "#dialog-host", values: { ...values, to: person.id } });
    return;
  }
  // Meanwhile the row may have been drawn anew.
  const source = document.getElementById(button.id) ?? button;
  const { orderId, responsible } = source.closest("tr").dataset;
  htmx.ajax("POST", url, { source, ...swap, values: { order: orderId, seen: responsible, to: person.id } });
}

document.addEventListener("click", ({ target }) => {
  const status = target.closest("[data-status-to]");
  if (status) setStatus(status);
  const responsible = target.closest("[data-set-responsible]");
  if (responsible) setResponsible(responsible);
  const reason = target.closest("[data-reason]");
  if (reason) reason.closest("form").elements.reason.value = reason.textContent;
});

/** The button names the sum of the chosen payment; the field has the number of the chosen shipment. */
function showPart(form) {
  const part = form?.querySelector("[name=part]:checked");
  if (!part) return;
  const button = form.querySelector("[data-of-part]");
  if (button && part.dataset.button) button.textContent = part.dataset.button;
  const field = form.querySelector("[data-tracking-field]");
  if (field) field.value = part.dataset.tracking;
}

document.addEventListener("change", ({ target }) => target.name === "part" && showPart(target.form));
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "dialog-host") showPart(detail.target.querySelector("form"));
});
