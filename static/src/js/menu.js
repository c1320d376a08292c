// Row menus: opened by their button, walked by arrows, closed by Escape, a click elsewhere, or a choice.
import { liveSheet } from "./sheet.js";
import { outOfSight } from "./sight.js";

const put = liveSheet();
let open = null;
let placed = "";

const items = (menu) => [...menu.querySelectorAll("[role^=menuitem]")];

async function show(button) {
  const menu = document.getElementById(button.dataset.menu ?? button.dataset.sharedMenu);
  hide();
  menu.hidden = false;
  // One menu may serve many buttons.
  menu.dataset.opener = button.id;
  button.setAttribute("aria-expanded", "true");
  open = { button, menu, below: 0 };
  items(menu)[0]?.focus({ preventScroll: true });
  const { below } = await outOfSight();
  if (open?.menu !== menu) return;
  open.below = below;
  follow(open);
}

/** As long as it is open: what comes late moves the rows, and the frame takes the height of what it holds. */
function follow(shown) {
  if (open !== shown) return;
  if (!open.button.isConnected) return hide();
  place();
  requestAnimationFrame(() => follow(shown));
}

/** Beside its button, wherever that is by now. */
function place() {
  const { button, menu, below } = open;
  const at = button.getBoundingClientRect();
  const height = menu.offsetHeight;
  const room = window.innerHeight - below - height - 4;
  const left = Math.max(4, Math.min(at.left, window.innerWidth - menu.offsetWidth - 4));
  const top = Math.max(4, at.bottom + 2 <= room ? at.bottom + 2 : Math.min(at.top - height - 2, room));
  const here = `.menu{left:${left}px;top:${top}px}`;
  if (here !== placed) put((placed = here));
}

function hide({ back = false } = {}) {
  if (!open) return;
  const { button, menu } = open;
  open = null;
  menu.hidden = true;
  button.setAttribute("aria-expanded", "false");
  if (back) button.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-menu], [data-shared-menu]");
  if (button && open?.button !== button) show(button);
  else if (!open?.menu.contains(event.target) || event.target.closest("[role=menuitem]")) hide();
});

document.addEventListener("keydown", (event) => {
  if (!open) return;
  const all = items(open.menu);
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    all.at(to % all.length).focus();
  } else if (event.key === "Escape" || event.key === "Tab") {
    hide({ back: event.key === "Escape" });
  }
});

window.addEventListener("scroll", () => hide(), { passive: true });
