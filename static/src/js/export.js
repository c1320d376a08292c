// Files: fetched with the session's header and saved.
import { renew, showEnded } from "./session.js";
import { toast } from "./toast.js";

const texts = document.body.dataset;

document.addEventListener("click", ({ target }) => {
  const orders = target.closest("[data-export]");
  if (orders) download(texts.exportUrl, chosen(orders.dataset.export));
  const list = target.closest("[data-save]");
  if (list) download(list.dataset.save, new URLSearchParams(list.dataset.saveWith));
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

async function download(url, form) {
  try {
    let answer = await sent(url, form);
    if (answer.status === 401) {
      await renew().catch(showEnded);
      answer = await sent(url, form);
    }
    if (!answer.ok) throw new Error(`export: ${answer.status}`);
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
    const href = URL.createObjectURL(await answer.blob());
    Object.assign(document.createElement("a"), { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  } catch {
    const act = () => download(url, form);
    toast({ text: texts.textFailed, kind: "error", action: { label: texts.textRetry, act } });
  }
}

function sent(url, body) {
  const headers = { Authorization: `Bearer ${texts.session}` };
  return fetch(url, { method: "POST", body, headers });
}
