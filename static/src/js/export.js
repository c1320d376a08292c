// Export: fetched with the session's header, saved as a file.
import { renew, showEnded } from "./session.js";
import { toast } from "./toast.js";

const texts = document.body.dataset;

document.addEventListener("click", ({ target }) => {
  const item = target.closest("[data-export]");
  if (item) save(item.dataset.export);
});

async function save(format) {
  const form = new URLSearchParams(new FormData(document.getElementById("narrow")));
  for (const [name, value] of new FormData(document.querySelector("[data-panel]"))) {
    if (name === "order" || name === "all") form.append(name, value);
  }
  form.set("format", format);
  try {
    let answer = await sent(form);
    if (answer.status === 401) {
      await renew().catch(showEnded);
      answer = await sent(form);
    }
    if (!answer.ok) throw new Error(`export: ${answer.status}`);
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
    const url = URL.createObjectURL(await answer.blob());
    const link = Object.assign(document.createElement("a"), { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch {
    toast({ text: texts.textFailed, kind: "error", action: { label: texts.textRetry, act: () => save(format) } });
  }
}

function sent(body) {
  const headers = { Authorization: `Bearer ${texts.session}` };
  return fetch(texts.exportUrl, { method: "POST", body, headers });
}
