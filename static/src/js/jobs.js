// Jobs: a page that updates itself while it is visible, downloads, and the form of a new job.
import { poll } from "./contact.js";
import { save } from "./files.js";
import { portal } from "./portal.js";
import { htmx } from "./settings.js";

const EVERY = 2_000;
const CONSENTS = ["move", "invoices", "cancels"];
let asking = false;
let changed = false;

setInterval(async () => {
  const part = document.querySelector("[data-live]");
  if (!part || asking || document.visibilityState !== "visible") return;
  asking = true;
  try {
    const answer = await poll(part.dataset.live);
    if (answer?.ok && part.isConnected) show(part, answer, await answer.text());
  } catch {
    // Cut off in the middle of an answer: the next try is two seconds away.
  } finally {
    asking = false;
  }
}, EVERY);

function show(part, answer, text) {
  const target = part.dataset.livePart ? document.getElementById(part.dataset.livePart) : part;
  htmx.swap(target, text, { swapStyle: "outerHTML" }, { eventInfo: { target, elt: target, xhr: answer } });
  changed ||= "lo:job-changed" in JSON.parse(answer.headers.get("HX-Trigger") ?? "{}");
  if (!changed || reading()) return;
  changed = false;
  document.dispatchEvent(new CustomEvent("lo:job-changed"));
}

// Rows that could not be read come with the next answer.
document.addEventListener("htmx:sendError", ({ detail }) => {
  changed ||= detail.requestConfig.triggeringEvent?.type === "lo:job-changed";
});

/** Whether somebody is in the middle of the rows: these are not pulled away from under them. */
function reading() {
  const body = document.querySelector("#job-rows tbody");
  const selection = getSelection();
  return body?.contains(document.activeElement) || (!selection.isCollapsed && body?.contains(selection.anchorNode));
}

async function download(button) {
  // A preview is saved as it is shown: with the moves if they are agreed to.
  const agreed = [...document.querySelectorAll("#job :is([name=move], [name=invoices], [name=cancels]):checked")];
  const url = button.dataset.download + agreed.map(({ name }) => `&${name}=on`).join("");
  button.setAttribute("aria-busy", "true");
  await save(url);
  button.removeAttribute("aria-busy");
}

document.addEventListener("click", ({ target }) => {
  const item = target.closest("[data-download]");
  if (item && !item.hasAttribute("aria-busy")) download(item);
  const chooser = target.closest("[data-choose-person]");
  if (chooser) choose(chooser.closest(".labelled"));
  const deals = target.closest("[data-choose-deal]");
  if (deals) chooseDeal(deals.closest(".labelled").querySelector("[data-deal]"));
});

async function chooseDeal(field) {
  const frame = await portal;
  const chosen = await frame?.dialog.selectCRM({ entityType: ["deal"], multiple: false }).catch(() => null);
  const id = String(chosen?.deal?.[0]?.id ?? "").replace(/^D_/, "");
  if (id) field.value = id;
}

// What a choice on the columns step changes is shown at once. A text is sent with the form alone.
document.addEventListener("change", ({ target }) => {
  const form = target.closest("[data-columns]");
  if (form && target.type !== "text") htmx.trigger(form, "lo:look");
});

async function choose(field) {
  const frame = await portal;
  const person = await frame?.dialog.selectUser().catch(() => null);
  if (!person) return;
  field.querySelector("[data-person]").value = String(person.id);
  field.querySelector("[data-person-name]").textContent = person.name;
}

/** Only the fields of the chosen action and source are shown, and sent. */
function arrange() {
  const form = document.querySelector("[data-job-form]");
  if (!form) return;
  const kind = form.querySelector("[data-job-kind]").value;
  const from = form.querySelector("[data-job-from]:checked").value;
  for (const part of form.querySelectorAll("[data-for], [data-from]")) {
    const on = part.dataset.for === kind || part.dataset.from === from;
    part.hidden = !on;
    for (const field of part.querySelectorAll("[name]")) field.disabled = !on;
  }
}

// A file is dropped onto its field; its name is shown beside the button in the person's own language.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    const zone = event.target.closest?.("[data-drop]");
    if (!zone || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const field = zone.querySelector("input[type=file]");
    if (name !== "drop" || !event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
document.addEventListener("change", ({ target }) => {
  const name = target.closest?.("[data-drop]")?.querySelector("[data-file-name]");
  if (name && target.files?.length) name.textContent = target.files[0].name;
});

// Whoever works with the keyboard goes on where the new part begins, not at the top of the page.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const own = ["jobs", "job"].includes(detail.target.id);
  const pressed = ["click", "submit"].includes(detail.requestConfig?.triggeringEvent?.type);
  const lost = !document.activeElement || document.activeElement === document.body;
  const opened = document.querySelector("#jobs[data-step=columns]");
  if (!own || !(pressed || opened) || !lost) return;
  document.querySelector("#job-title, #jobs-title")?.focus({ preventScroll: true });
});

// Where every order asks for a consent there is nothing to start before somebody gives it.
document.addEventListener("change", ({ target }) => {
  const start = CONSENTS.includes(target.name) && target.form?.querySelector("[data-needs-move]");
  if (start) start.disabled = !target.form.querySelector(CONSENTS.map((name) => `[name=${name}]:checked`).join());
});

document.addEventListener("change", ({ target }) => target.closest("[data-job-form]") && arrange());
document.addEventListener("htmx:afterSwap", arrange);
arrange();

// Clients and amounts that arrive after their rows were replaced have no place any more.
document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  if (!elt.matches("[data-loads-orders]")) return;
  elt.addEventListener("htmx:beforeOnLoad", (event) => elt.isConnected || event.preventDefault());
});
