// What a person wants to see: search, filter, order, page. The form's fields are the truth; chips show
// them, and after each answer the server's page and order become the form's.
import { htmx } from "./settings.js";

const form = document.getElementById("narrow");
const CHOICES = ["status", "payment", "delivery"];
const NAMES = ["q", ...CHOICES, "canceled", "sort", "dir", "page"];

const choice = (name) => form.querySelector(`select[name=${name}]`);
const withCanceled = () => form?.querySelector("[type=checkbox][name=canceled]");

function chips() {
  form.querySelector("[data-preset=canceled]").hidden = !withCanceled().checked;
  for (const name of CHOICES) {
    const chip = form.querySelector(`[data-preset=${name}]`);
    const select = choice(name);
    chip.hidden = !select.value;
    const text = `${select.labels[0].textContent}: ${select.selectedOptions[0].textContent}`;
    chip.querySelector("[data-preset-text]").textContent = text;
    const drop = chip.querySelector("[data-drop]");
    drop.setAttribute("aria-label", drop.dataset.text.replace("{name}", text));
  }
}

function drop(name) {
  if (name === "canceled") withCanceled().checked = false;
  else if (name === "all") {
    for (const name of CHOICES) choice(name).value = "";
    form.elements.q.value = "";
    withCanceled().checked = true;
  } else choice(name).value = "";
  chips();
  form.elements.q.focus();
  htmx.trigger(form, "submit");
}

function follow() {
  const grid = document.getElementById("grid");
  form.hidden = !grid;
  form.querySelector("[data-loading]").textContent = "";
  if (!grid) return;
  for (const name of ["page", "sort", "dir"]) form.elements[name].value = grid.dataset[name];
}

// A request's own fields win over the form's of the same name, which come along with every request.
document.addEventListener("htmx:configRequest", ({ detail: { elt, formData, path, verb } }) => {
  if (!form) return;
  if (elt === form) return formData.set("page", "1");
  const address = new URLSearchParams(path.split("?")[1]);
  const sender = elt.closest("form");
  const own = new FormData(sender && (verb !== "get" || sender === elt) ? sender : undefined);
  for (const name of NAMES) {
    const values = own.getAll(name);
    if (!values.length && !address.has(name)) continue;
    formData.delete(name);
    for (const value of values) formData.append(name, value);
  }
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const status = form?.querySelector("[data-loading]");
  if (status && detail.target.id === "grid") status.textContent = status.dataset.loading;
});

// ---------------------------------------------------------------------------- the filter's panel
const opener = form?.querySelector("[data-popover]");
const panel = opener && document.getElementById(opener.dataset.popover);

function toggle(on) {
  panel.hidden = !on;
  opener.setAttribute("aria-expanded", String(on));
  if (on) panel.querySelector("select").focus();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-drop]");
  if (button) drop(button.dataset.drop);
  if (!panel) return;
  if (opener.contains(target)) toggle(panel.hidden);
  else if (!panel.hidden && !panel.contains(target)) toggle(false);
});

form?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || panel.hidden) return;
  event.preventDefault();
  toggle(false);
  opener.focus();
});

form?.addEventListener("change", chips);
if (form) {
  document.addEventListener("htmx:afterSwap", follow);
  document.addEventListener("htmx:sendError", follow);
}

// Another page begins at its first row, which is above when the buttons below are pressed.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const paged = detail.target.id === "grid" && detail.requestConfig?.elt.id.startsWith("page-");
  if (paged) document.getElementById("grid").scrollIntoView({ block: "start" });
});
