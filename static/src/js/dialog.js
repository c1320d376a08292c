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

/** The dialog stands where the person looks, never higher than the frame: what does not fit is scrolled in it. */
async function fit() {
  const dialog = host.querySelector("dialog");
  if (!dialog) return;
  const { above, below } = await outOfSight();
  const frame = window.innerHeight;
  const seen = Math.min(frame, Math.max(LEAST, frame - above - below));
  const height = Math.min(dialog.offsetHeight, seen - 2 * GAP);
  const top = Math.max(0, Math.min(above, frame - height - 2 * GAP));
  place(`dialog.dialog.dialog{margin-block-start:${top + GAP}px;min-height:0;max-height:${seen - 2 * GAP}px}`);
}

// The frame grows for the dialog, and the dialog with what is found.
const size = host && new ResizeObserver(fit);
window.addEventListener("resize", fit);

document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.detail.target === host && host.querySelector("dialog");
  if (dialog && !dialog.open) {
    dialog.addEventListener("close", emptied);
    dialog.showModal();
    dialog.querySelector("[data-focus]")?.focus({ preventScroll: true });
    size.observe(dialog);
    fit();
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
  size.disconnect();
  host.replaceChildren();
  // The opener may have been replaced by a new element.
  const back = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  (back || document.getElementById("open-picker"))?.focus();
  opener = null;
}

document.addEventListener("lo:dialog-close", ({ detail }) => {
  if (detail?.onTo) opener = detail.onTo;
  close();
});
