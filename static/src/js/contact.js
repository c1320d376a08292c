// What the page asks our own server by itself. Where no answer comes, it says of when the figures are;
// where our access has ended, it says that and asks no more.
import { clock } from "./format.js";
import { Ended, renew, showEnded } from "./session.js";
import { toast } from "./toast.js";

const MISSES = 2;
const LONGEST = 20_000;
// What a proxy says in the place of a server that is not there.
const AWAY = new Set([502, 503, 504]);
const page = document.body;

let misses = 0;
let heard = new Date();
let line = null;

/** The server's answer; null where there is none, or where nothing is asked any more. */
export async function poll(url) {
  if (document.querySelector("[data-state=session-ended]")) return null;
  try {
    const answer = await asked(url);
    inContact();
    return answer;
  } catch (error) {
    if (error instanceof Ended) showEnded();
    else missed();
    return null;
  }
}

async function asked(url) {
  const first = await once(url);
  if (first.status !== 401) return first;
  await renew();
  const second = await once(url);
  if (second.status === 401) throw new Ended("refused again");
  return second;
}

async function once(url) {
  const headers = { Authorization: `Bearer ${page.dataset.session}` };
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(LONGEST) });
  if (AWAY.has(answer.status) && !answer.headers.has("X-Lo-State")) throw new Error(`away: ${answer.status}`);
  return answer;
}

function missed() {
  misses += 1;
  if (misses < MISSES || line?.isConnected) return;
  page.classList.add("cut-off");
  line = toast({ text: page.dataset.textCutOff.replace("{time}", clock(heard, Number(page.dataset.utcOffset))), kind: "info", stays: true });
}

function inContact() {
  misses = 0;
  heard = new Date();
  page.classList.remove("cut-off");
  line?.remove();
  line = null;
}

// An answer to what somebody has pressed tells as much.
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  if (xhr.status && !AWAY.has(xhr.status)) inContact();
});
