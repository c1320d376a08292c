// The console: people and departments from the portal's own selector, conditions, ticked orders.
import { portal } from "./portal.js";

const MOST_RULES = 10;

const names = () => document.getElementById("names");

async function choose(button) {
  const frame = await portal;
  if (!frame) return;
  const taken = [...names().querySelectorAll("input")].map((one) => one.value.split("|")[0]);
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

// Orders ticked for a bulk job, kept from page to page of one list.
/** @type {Set<string>} */
const marked = new Set();
let list = "";

function showMarks() {
  const section = document.querySelector("[data-section=links]");
  const now = section ? `links${section.dataset.report ?? ""}` : "";
  if (now !== list) marked.clear();
  list = now;
  const rows = [...document.querySelectorAll("#links tr[data-order-id]")];
  for (const row of rows) {
    const on = marked.has(row.dataset.orderId);
    row.classList.toggle("sel", on);
    row.setAttribute("aria-selected", String(on));
    row.querySelector("[data-mark]").checked = on;
  }
  const here = rows.filter((row) => marked.has(row.dataset.orderId)).length;
  const all = document.querySelector("[data-mark-all]");
  if (all) Object.assign(all, { checked: here > 0 && here === rows.length, indeterminate: here > 0 && here < rows.length });
  const form = document.querySelector("[data-marks]");
  if (!form) return;
  const every = form.querySelector("[data-every]:checked");
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

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-mark]")) mark(target.closest("tr"), target.checked);
  else if (target.matches("[data-mark-all]")) {
    for (const row of document.querySelectorAll("#links tr[data-order-id]")) mark(row, target.checked);
  } else if (!target.matches("[data-every]")) return;
  showMarks();
});
document.addEventListener("htmx:afterSwap", showMarks);
showMarks();

// A row's menu does with its order what the panel below does with all that are ticked.
document.addEventListener("click", ({ target }) => {
  const act = target.closest("[data-row-act]");
  if (!act) return;
  const every = document.querySelector("[data-every]");
  if (every) every.checked = false;
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
