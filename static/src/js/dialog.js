// Dialogs: whatever lands in #dialog-host is shown modally, where the person looks; closing gives the focus back.
import { liveSheet } from "./sheet.js";
import { outOfSight } from "./sight.js";

const GAP = 16;
const place = liveSheet();

const host = document.getElementById("dialog-host");

let opener = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target === host) opener = event.detail.elt.closest("[role=menu]") ? menuButton(event.detail.elt) : event.detail.elt;
});

function menuButton(item) {
  return document.querySelector(`[data-menu="${item.closest("[role=menu]").id}"]`);
}

document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.detail.target === host && host.querySelector("dialog");
  if (dialog && !dialog.open) {
    dialog.addEventListener("close", emptied);
    dialog.showModal();
    dialog.querySelector("[data-focus]")?.focus({ preventScroll: true });
    outOfSight().then(({ above }) => {
      const lowest = window.innerHeight - dialog.offsetHeight - GAP;
      place(`dialog{margin-block-start:${Math.max(GAP, Math.min(above + GAP, lowest))}px!important}`);
    });
  }
});

host?.addEventListener("click", (event) => {
  const outside = event.target instanceof HTMLDialogElement;
  if (outside || event.target.closest("[data-close]")) close();
});

function close() {
  host?.querySelector("dialog")?.close();
}

function emptied() {
  host.replaceChildren();
  // Meanwhile the opener may have been drawn anew.
  const back = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  (back || document.getElementById("open-picker"))?.focus();
  opener = null;
}

document.addEventListener("lo:dialog-close", close);
