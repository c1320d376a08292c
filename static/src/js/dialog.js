// Dialogs: whatever lands in #dialog-host is shown modally, where the person looks; closing gives the focus back.
import { liveSheet } from "./sheet.js";
import { outOfSight } from "./sight.js";

const GAP = 16;
const LEAST = 420;
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
    outOfSight().then(({ above, below }) => {
      const seen = Math.max(LEAST, window.innerHeight - above - below);
      const lowest = window.innerHeight - Math.min(dialog.offsetHeight, seen) - GAP;
      const top = Math.max(0, Math.min(above, lowest));
      place(`dialog.dialog.dialog{margin-block-start:${top + GAP}px;min-height:0;max-height:${seen - 2 * GAP}px}`);
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
  // Meanwhile the opener may have been replaced.
  const back = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  (back || document.getElementById("open-picker"))?.focus();
  opener = null;
}

document.addEventListener("lo:dialog-close", ({ detail }) => {
  if (detail?.onTo) opener = detail.onTo;
  close();
});
