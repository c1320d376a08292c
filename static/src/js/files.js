// Files: fetched with the session's header and saved. Where there is none, the server's own words say why.
import { renew, showEnded } from "./session.js";
import { toast } from "./toast.js";

const texts = document.body.dataset;

/** Save the file at `url`; with a `body` it is asked for by POST. */
export async function save(url, body) {
  const what = { text: texts.textFailed };
  try {
    const answer = await answered(url, body);
    if (answer.ok) {
      await keep(answer);
      return;
    }
    what.text = messageOf(await answer.text()) || what.text;
  } catch {
    // Nothing came back, or no session: the usual sentence is all there is to say.
  }
  const act = () => save(url, body);
  toast({ ...what, kind: "error", action: { label: texts.textRetry, act } });
}

async function answered(url, body) {
  const answer = await asked(url, body);
  if (answer.status !== 401) return answer;
  await renew().catch(showEnded);
  return asked(url, body);
}

function asked(url, body) {
  const headers = { Authorization: `Bearer ${texts.session}` };
  return fetch(url, { method: body ? "POST" : "GET", body, headers });
}

async function keep(answer) {
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
  const href = URL.createObjectURL(await answer.blob());
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** Heading, sentence and reference of the state the server has drawn; empty for anything else. */
function messageOf(markup) {
  const state = new DOMParser().parseFromString(markup, "text/html").querySelector(".state");
  const parts = ["h2", "h2 ~ p:not(.ref)", ".ref:not([hidden])"].map((selector) => state?.querySelector(selector)?.textContent.trim());
  return parts.filter(Boolean).map((text) => (/[.!?…]$/.test(text) ? text : `${text}.`)).join(" ");
}
