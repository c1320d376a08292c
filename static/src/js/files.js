// Files: fetched with the session's header and saved. If there is none, the server's state says why.
import { Ended, renew, showEnded } from "./session.js";
import { toast } from "./toast.js";

const texts = document.body.dataset;

/** Save the file at `url`; with a `body` it is asked for by POST. */
export async function save(url, body) {
  let text = "";
  try {
    const answer = await answered(url, body);
    if (answer.ok) {
      await keep(answer);
      return;
    }
    text = stateOf(await answer.text());
  } catch (error) {
    if (error instanceof Ended) {
      showEnded();
      return;
    }
    // No answer, or one that is not the app's own.
  }
  const act = () => save(url, body);
  toast({ text: text || texts.textFile, kind: "error", action: { label: texts.textRetry, act } });
}

async function answered(url, body) {
  const answer = await asked(url, body);
  if (answer.status !== 401) return answer;
  await renew();
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
function stateOf(markup) {
  const state = new DOMParser().parseFromString(markup, "text/html").querySelector(".state");
  const parts = ["h2", "h2 ~ p:not(.ref)", ".ref:not([hidden])"].map((selector) => state?.querySelector(selector)?.textContent.trim());
  return parts.filter(Boolean).map((text) => (/[.!?…]$/.test(text) ? text : `${text}.`)).join(" ");
}
