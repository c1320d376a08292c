// Other people's changes. While somebody looks, our own server is asked for news every few seconds;
// only when something shown has changed is the portal read anew.
import { renew } from "./session.js";
import { htmx } from "./settings.js";

const EVERY = 4_000;
const LONGEST = 60_000;
const { newsUrl, ordersUrl } = document.body.dataset;
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const orders = () => document.querySelector("#orders[data-moment]");
// The portal hides the frames of other tabs of a card: they have no size then, and nobody looks.
const looked = () => document.visibilityState === "visible" && window.innerWidth > 0;
// What somebody is in the middle of is not pulled away; the next round is soon.
const engaged = () => document.querySelector(".htmx-request, #grid [role=menu]:not([hidden])");

let wait = EVERY;
let timer;
let asking = false;

function say() {
  const place = document.querySelector("[data-fresh]");
  if (!place || !orders()?.dataset.moment) return;
  const text = place.dataset.text.replace("{time}", clock.format(new Date()));
  if (place.textContent !== text) place.textContent = text;
}

async function look() {
  clearTimeout(timer);
  if (!newsUrl || asking || !looked()) return;
  asking = true;
  try {
    if (orders() && !engaged()) await news();
  } catch {
    wait = Math.min(wait * 2, LONGEST);
  } finally {
    asking = false;
    timer = setTimeout(look, wait);
  }
}

async function news() {
  const place = orders();
  const headers = { Authorization: `Bearer ${document.body.dataset.session}` };
  const answer = await fetch(`${newsUrl}?since=${place.dataset.moment}`, { headers });
  if (answer.status === 401) return renew();
  if (!answer.ok) throw new Error(`news: ${answer.status}`);
  const { since, changed } = await answer.json();
  if (place !== orders() || engaged()) return;
  if (!changed) {
    place.dataset.moment = since;
    wait = EVERY;
    return say();
  }
  await htmx.ajax("GET", ordersUrl, { target: "#orders", swap: "outerHTML", headers: { "X-Lo-Quiet": "1" } });
  // Still the same place: the portal did not answer. It is asked again, less and less often.
  wait = place === orders() ? Math.min(wait * 2, LONGEST) : EVERY;
}

document.addEventListener("visibilitychange", look);
document.addEventListener("htmx:afterSwap", say);
say();
timer = setTimeout(look, EVERY);
