// The console: people and departments from the portal's own selector, conditions, ticked orders.
import { portal } from "./portal.js";
import { toast } from "./toast.js";

const MOST_RULES = 10;

const names = () => document.getElementById("names");

async function choose(button) {
  const frame = await portal;
  if (!frame) return;
  const taken = [...names().querySelectorAll("input")].map((input) => input.value.split("|")[0]);
  const chosen = Object.values((await frame.dialog.selectAccess(taken).catch(() => null)) ?? {});
  const fresh = chosen.filter(({ id, name }) => id && name && !taken.includes(id));
  names()?.append(...fresh.map(named));
  if (fresh.length) button.closest(".option").querySelector("[type=radio]").checked = true;
}

function named({ id, name }) {
  const item = document.getElementById("tpl-name").content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = name;
  item.querySelector("input").value = `${id}|${name}`;
  const remove = item.querySelector("button");
  remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace("{name}", name));
  return item;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose-names]");
  if (button) choose(button);
  const remove = event.target.closest("[data-unname]");
  if (!remove) return;
  remove.closest("li").remove();
  document.querySelector("[data-choose-names]").focus();
});

// Settings that were touched are not left without a word.
const settings = () => document.querySelector("form[data-section=settings]");
const written = () => settings() && new URLSearchParams(new FormData(settings())).toString();
let kept = written();

document.addEventListener("htmx:afterSwap", ({ detail }) => detail.target.tagName === "MAIN" && (kept = written()));
document.addEventListener("htmx:confirm", (event) => {
  const { target, elt, issueRequest } = event.detail;
  const form = settings();
  if (!form || elt === form || target?.tagName !== "MAIN") return;
  if (written() === kept && !form.querySelector("[data-note=invalid]")) return;
  event.preventDefault();
  const { textUnsaved, textLeave } = form.dataset;
  toast({ text: textUnsaved, kind: "warn", action: { label: textLeave, act: () => issueRequest(true) } });
});

// Conditions of the explorer come and go; at least one line stays.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-add-rule]")) {
    const line = document.getElementById("tpl-rule").content.firstElementChild.cloneNode(true);
    const lines = document.querySelectorAll(".rules > .rule");
    if (lines.length >= MOST_RULES) return;
    [...lines].at(-1).after(line);
    line.querySelector("select").focus();
  }
  const line = event.target.closest("[data-drop-rule]")?.closest(".rule");
  if (!line) return;
  if (document.querySelectorAll(".rules > .rule").length > 1) line.remove();
  else for (const input of line.querySelectorAll("input")) input.value = "";
  document.querySelector("[data-add-rule]").focus();
});

// A button that was switched off while it was at work has lost the focus: the new page's own takes it, or
// the heading of what a report's button has brought.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const { elt, triggeringEvent } = detail.requestConfig ?? {};
  const pressed = ["click", "submit"].includes(triggeringEvent?.type);
  if (detail.target.tagName !== "MAIN" || !pressed || document.activeElement !== document.body) return;
  const same = elt.id && !elt.matches(".chip") && document.getElementById(elt.id);
  (same && !same.disabled ? same : document.querySelector("#links-title, #audit-title"))?.focus({ preventScroll: true });
});

// Orders ticked for a bulk job, kept from page to page of one list.
/** @type {Set<string>} */
const marked = new Set();
let list = "";

const rowsHere = () => [...document.querySelectorAll("#links tr[data-order-id]")];
const forAll = () => document.querySelector("[data-every]");

function showMarks() {
  const section = document.querySelector("[data-section=links]");
  const now = section ? `links${section.dataset.report ?? ""}` : "";
  if (now !== list) marked.clear();
  list = now;
  const rows = rowsHere();
  const whole = forAll()?.checked === true;
  const on = (row) => whole || marked.has(row.dataset.orderId);
  for (const row of rows) {
    row.classList.toggle("sel", on(row));
    row.setAttribute("aria-selected", String(on(row)));
    row.querySelector("[data-mark]").checked = on(row);
  }
  const here = rows.filter(on).length;
  const all = document.querySelector("[data-mark-all]");
  if (all) Object.assign(all, { checked: here > 0 && here === rows.length, indeterminate: here > 0 && here < rows.length });
  const form = document.querySelector("[data-marks]");
  if (!form) return;
  const every = whole ? forAll() : null;
  const count = document.querySelector("[data-marked-count]");
  if (count) count.textContent = every?.dataset.every || String(marked.size);
  const awake = Boolean(every) || marked.size > 0;
  form.classList.toggle("awake", awake);
  for (const button of form.querySelectorAll("[role=toolbar] button")) button.disabled = !awake;
  form.elements.from.value = every ? "search" : "list";
  form.querySelector("[data-every-fields]").disabled = !every;
  form.elements.text.disabled = Boolean(every);
  // As a job's pasted list takes them: a heading, and an order in each line.
  form.elements.text.value = ["Order ID", ...marked].join("\n");
}

function mark(row, on) {
  if (on) marked.add(row.dataset.orderId);
  else marked.delete(row.dataset.orderId);
}

/** Whoever unticks a row means the others that are shown, no longer all there are. */
function leaveAll() {
  if (!forAll()?.checked) return;
  forAll().checked = false;
  for (const row of rowsHere()) mark(row, true);
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-mark], [data-mark-all]")) leaveAll();
  if (target.matches("[data-mark]")) mark(target.closest("tr"), target.checked);
  else if (target.matches("[data-mark-all]")) {
    for (const row of rowsHere()) mark(row, target.checked);
  } else if (!target.matches("[data-every]")) return;
  showMarks();
});
document.addEventListener("htmx:afterSwap", showMarks);
showMarks();

// A row's menu does with its order what the panel below does with all that are ticked.
document.addEventListener("click", ({ target }) => {
  const act = target.closest("[data-row-act]");
  if (!act) return;
  if (forAll()) forAll().checked = false;
  marked.clear();
  mark(act.closest("tr"), true);
  showMarks();
  document.querySelector(act.dataset.rowAct).click();
});

// A deal for the ticked orders, from the portal's own selector; the job's preview asks before anything is done.
document.addEventListener("click", async (event) => {
  const form = event.target.closest("[data-move-marked]")?.form;
  const frame = form && (await portal);
  if (!frame) return;
  const chosen = await frame.dialog.selectCRM({ entityType: ["deal"], multiple: false }).catch(() => ({}));
  const id = String(chosen.deal?.[0]?.id ?? "").replace(/^D_/, "");
  if (!id) return;
  form.elements.to.value = `2:${id}`;
  // htmx asks which button was clicked, not which one submits.
  form.querySelector("[data-move-submit]").click();
});
