// Move and Link to a deal: the portal's own selector names the deal, our dialog asks before anything happens.
import { portal } from "./portal.js";
import { htmx } from "./settings.js";

// Milliseconds within which the portal has heard of our new height.
const MADE_HIGHER = 1_000;

/** The orders a button is about: its own, its row's, or those ticked. */
function chosenBy(button) {
  if (button.dataset.order) return { order: button.dataset.order };
  const panel = button.closest("[data-panel]");
  return panel ? valuesOf(new FormData(panel)) : ofRow(button);
}

function ofRow(item) {
  const { orderId, number, status } = item.closest("tr").dataset;
  return { order: `${orderId}|`, number, held: `${orderId}|${status}` };
}

function valuesOf(form) {
  return Object.fromEntries([...new Set(form.keys())].map((name) => [name, form.getAll(name)]));
}

/** The deal picked in the portal's selector; empty where there is none to pick with. */
async function picked() {
  const frame = await portal;
  if (!frame) return "";
  const found = await frame.dialog.selectCRM({ entityType: ["deal"], multiple: false });
  return String(found.deal?.[0]?.id ?? "").replace(/^D_/, "");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  const values = { ...chosenBy(button), to: await picked().catch(() => "") };
  const own = button.dataset.move;
  htmx.ajax(own ? "GET" : "POST", own || "/tab/move/confirm/", { source: button, target: "#dialog-host", values });
});

// What takes a bulk job goes on below the orders.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const asked = detail.requestConfig?.elt.closest("dialog");
  if (detail.target.id !== "jobs" || !asked) return;
  const onTo = document.querySelector("#job-title, #jobs-title");
  document.dispatchEvent(new CustomEvent("lo:dialog-close", { detail: { onTo } }));
  comeIntoSight("jobs");
});

/** The portal scrolls the page around us: it can go to what is new once it has made our frame high enough. */
function comeIntoSight(id) {
  let seen = 0;
  const go = () => document.getElementById(id)?.scrollIntoView({ block: "start" });
  go();
  const grown = () => {
    go();
    if (++seen > 1) removeEventListener("resize", grown);
  };
  addEventListener("resize", grown);
  setTimeout(() => removeEventListener("resize", grown), MADE_HIGHER);
}

// Confirming dialogs get the number of rows, to say when nothing would be left.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const all = document.querySelector("[data-total-count]")?.dataset.totalCount;
  if (all && /^\/tab\/\w+\/confirm\//.test(detail.path)) detail.parameters.of = all;
  if (detail.elt.matches("[data-of-row]")) Object.assign(detail.parameters, ofRow(detail.elt));
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-write-to]");
  if (button) (await portal)?.parent.imOpenMessenger(Number(button.dataset.writeTo));
  event.target.closest("[data-dismiss]")?.closest(".note")?.remove();
});
