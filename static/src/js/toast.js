// Toasts at the top right; the server sends them as the event `lo:toast`, with an undo where there is one.
import { htmx } from "./settings.js";
import { liveSheet } from "./sheet.js";
import { outOfSight } from "./sight.js";

const STAYS = 8_000;
const host = document.getElementById("toasts");
const place = liveSheet();

/**
 * @param {{text: string, kind?: string, action?: {label: string, act: () => void} | false, stays?: boolean}} what
 * @returns {HTMLElement} the toast; the caller removes one that `stays`
 */
export function toast({ text, kind = "ok", action, stays = false }) {
  // What was said before is not left standing beside what is said now; what can be taken back yet is.
  clear(":not([data-acts])");
  const box = element("div", `toast ${kind}`);
  box.toggleAttribute("data-stays", stays);
  box.toggleAttribute("data-acts", Boolean(action));
  if (kind === "error") box.setAttribute("role", "alert");
  box.append(element("p", "", text));
  if (action) {
    const button = element("button", "btn sm text", action.label);
    button.type = "button";
    button.addEventListener("click", () => (box.remove(), action.act()));
    box.append(button);
  }
  const close = element("button", "btn icon");
  close.type = "button";
  close.setAttribute("aria-label", document.body.dataset.textClose);
  close.innerHTML = '<svg class="s" aria-hidden="true"><use href="#i-x"/></svg>';
  close.addEventListener("click", () => box.remove());
  box.append(close);
  host.append(box);
  outOfSight().then(({ above, below }) => place(`.toasts{margin-block:${above}px ${below}px}`));
  if (!stays) leaveLater(box);
  return box;
}

function clear(which = "") {
  for (const before of host.querySelectorAll(`.toast:not([data-stays])${which}`)) before.remove();
}

function element(name, classes, text) {
  const made = document.createElement(name);
  made.className = classes;
  if (text) made.textContent = text;
  return made;
}

/** Gone after a while, unless somebody is reading or about to press. */
function leaveLater(box) {
  let timer;
  const start = () => (timer = setTimeout(() => box.remove(), STAYS));
  for (const name of ["mouseenter", "focusin"]) box.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["mouseleave", "focusout"]) box.addEventListener(name, start);
  start();
}

document.addEventListener("lo:toast", (event) => {
  const { text, kind, undo } = event.detail;
  const act = () => htmx.ajax("POST", undo.url, { source: "#orders", values: undo.values, target: "#orders", swap: "outerHTML" });
  toast({ text, kind, action: undo && { label: undo.label, act } });
});

// A section has one message at a time, also across repeated tries.
document.addEventListener("htmx:beforeRequest", ({ detail }) => detail.target.tagName === "MAIN" && clear());
