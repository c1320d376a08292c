// Move and Link to a deal: the portal's own selector names the deal, our dialog asks before anything happens.
import { portal } from "./portal.js";
import { htmx } from "./settings.js";

/** The orders a button is about: its own, its row's, or those ticked. */
function chosenBy(button) {
  if (button.dataset.order) return new URLSearchParams({ order: button.dataset.order });
  const panel = button.closest("[data-panel]");
  if (panel) return new URLSearchParams(new FormData(panel));
  const { orderId, number } = button.closest("tr").dataset;
  return new URLSearchParams({ order: `${orderId}|`, number });
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
  const query = chosenBy(button);
  query.set("to", await picked().catch(() => ""));
  const path = button.dataset.move || "/tab/move/confirm/";
  htmx.ajax("GET", `${path}?${query}`, { source: button, target: "#dialog-host" });
});

// Confirming dialogs say when nothing would be left behind: they are told how much there is.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const all = document.querySelector("[data-total-count]")?.dataset.totalCount;
  if (all && /^\/tab\/\w+\/confirm\//.test(detail.path)) detail.parameters.of = all;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-write-to]");
  if (button) (await portal)?.parent.imOpenMessenger(Number(button.dataset.writeTo));
  event.target.closest("[data-dismiss]")?.closest(".note")?.remove();
});
