// Files of orders and of the console's lists.
import { save } from "./files.js";

const texts = document.body.dataset;

document.addEventListener("click", ({ target }) => {
  const orders = target.closest("[data-export]");
  if (orders) save(texts.exportUrl, chosen(orders.dataset.export));
  const list = target.closest("[data-save]");
  if (list) save(list.dataset.save, new URLSearchParams(list.dataset.saveWith));
});

/** The ticked orders of the tab, or all that match its narrowing. */
function chosen(format) {
  const form = new URLSearchParams(new FormData(document.getElementById("narrow")));
  for (const [name, value] of new FormData(document.querySelector("[data-panel]"))) {
    if (name === "order" || name === "all") form.append(name, value);
  }
  form.set("format", format);
  return form;
}
