// Row menus: opened by their button, walked by arrows, closed by Escape, a click elsewhere, or a choice.
let open = null;

const items = (menu) => [...menu.querySelectorAll("[role^=menuitem]")];

function show(button) {
  const menu = document.getElementById(button.dataset.menu);
  hide();
  menu.hidden = false;
  button.setAttribute("aria-expanded", "true");
  open = { button, menu };
  const at = button.getBoundingClientRect();
  const height = menu.offsetHeight;
  const below = at.bottom + height < window.innerHeight;
  menu.style.left = `${Math.max(4, Math.min(at.left, window.innerWidth - menu.offsetWidth - 4))}px`;
  menu.style.top = `${Math.max(4, below ? at.bottom + 2 : at.top - height - 2)}px`;
  items(menu)[0]?.focus();
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
  const button = event.target.closest("[data-menu]");
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
