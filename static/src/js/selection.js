// Which rows are ticked, by order id, through swaps and pages; the action panel follows.
/** @type {Map<string, string>} order id -> number */
const chosen = new Map();

const rowsOf = () => [...document.querySelectorAll("#grid tr[data-order-id]")];

function show() {
  const rows = rowsOf();
  for (const row of rows) {
    const ticked = chosen.has(row.dataset.orderId);
    row.classList.toggle("sel", ticked);
    row.setAttribute("aria-selected", String(ticked));
    row.querySelector("[data-check]").checked = ticked;
  }
  const all = document.querySelector("[data-check-all]");
  if (!all) return;
  const here = rows.filter((row) => chosen.has(row.dataset.orderId)).length;
  all.checked = here > 0 && here === rows.length;
  all.indeterminate = here > 0 && here < rows.length;
  document.querySelector("[data-selected-count]").textContent = String(chosen.size);
  panel();
}

function panel() {
  const form = document.querySelector("[data-panel]");
  form.classList.toggle("awake", chosen.size > 0);
  form.querySelector("button[type=submit]").disabled = chosen.size === 0;
  form.querySelector("[data-panel-fields]").replaceChildren(
    ...[...chosen].flatMap(([id, number]) => [field("order", `${id}|`), field("number", number)]),
  );
}

export function field(name, value) {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name, value });
  return input;
}

function tick(row, on) {
  if (on) chosen.set(row.dataset.orderId, row.dataset.number);
  else chosen.delete(row.dataset.orderId);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check]")) tick(event.target.closest("tr"), event.target.checked);
  else if (event.target.matches("[data-check-all]")) {
    for (const row of rowsOf()) tick(row, event.target.checked);
  } else return;
  show();
});

// A change redraws the whole region: what was ticked has been dealt with.
document.addEventListener("htmx:afterSwap", () => {
  if (document.querySelector("#orders[data-changed]")) chosen.clear();
  document.querySelector("#orders[data-changed]")?.removeAttribute("data-changed");
  if (document.getElementById("grid")) show();
});

if (document.getElementById("grid")) show();
