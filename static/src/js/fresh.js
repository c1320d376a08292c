// Other people's changes. While somebody looks, our own server is asked for news every few seconds;
// only when something shown has changed is the portal read again.
import { readAnew } from "./anew.js";
import { poll } from "./contact.js";
import { clock } from "./format.js";

const EVERY = 3_000;
const LONGEST = 60_000;
const LONGEST_ALONE = 16_000;
const DRAWN_WITHIN = 500;
const { newsUrl } = document.body.dataset;

const orders = () => document.querySelector("#orders[data-moment]");

/** Whether somebody sees us: the portal hides the frames of a card's other tabs, and they are not drawn. */
function looked() {
  if (document.visibilityState !== "visible") return false;
  return new Promise((resolve) => {
    const frame = requestAnimationFrame(() => resolve(true));
    setTimeout(() => (cancelAnimationFrame(frame), resolve(false)), DRAWN_WITHIN);
  });
}

// What somebody is in the middle of is not pulled away; the next round is soon.
const engaged = () => document.querySelector(".htmx-request, #grid [role=menu]:not([hidden])");

let wait = EVERY;
let timer;
let asking = false;

function say() {
  const place = document.querySelector("[data-fresh]");
  if (!place || !orders()?.dataset.moment) return;
  const text = place.dataset.text.replace("{time}", clock(new Date(), Number(document.body.dataset.utcOffset)));
  if (place.textContent !== text) place.textContent = text;
}

async function look() {
  clearTimeout(timer);
  if (!newsUrl || asking) return;
  asking = true;
  try {
    if (orders() && !engaged() && (await looked())) await news();
  } catch {
    wait = Math.min(wait * 2, LONGEST);
  } finally {
    asking = false;
    timer = setTimeout(look, wait);
  }
}

async function news() {
  const place = orders();
  const answer = await poll(`${newsUrl}?since=${place.dataset.moment}`);
  if (!answer?.ok) {
    wait = Math.min(wait * 2, answer ? LONGEST : LONGEST_ALONE);
    return;
  }
  const { since, changed } = await answer.json();
  if (place !== orders() || engaged()) return;
  if (!changed) {
    place.dataset.moment = since;
    wait = EVERY;
    return say();
  }
  await readAnew({ "X-Lo-Quiet": "1" });
  // Still the same place: the portal did not answer. It is asked again, less and less often.
  wait = place === orders() ? Math.min(wait * 2, LONGEST) : EVERY;
}

// Suggestions cost the portal several requests: as long as the same orders are linked, they stay. Where others
// are linked, those that are left hold the place of the new ones, so that the rows do not jump up and down.
let before = {};

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const suggestions = target.id === "orders" && target.querySelector("#grid") && target.querySelector("#suggestions");
  before = { suggestions, linked: target.dataset.linked, focused: document.activeElement };
});

document.addEventListener("htmx:afterSwap", () => {
  const { suggestions, linked, focused } = before;
  before = {};
  const place = orders()?.querySelector("#grid") && orders().querySelector("#suggestions");
  if (!suggestions || !place || !linked) return;
  if (linked !== orders().dataset.linked) return holdPlace(place, suggestions);
  place.replaceWith(suggestions);
  if (suggestions.contains(focused)) focused.focus();
});

function holdPlace(place, suggestions) {
  const linked = new Set(orders().dataset.linked.split(" "));
  for (const item of suggestions.querySelectorAll("[data-suggested]")) if (linked.has(item.dataset.suggested)) item.remove();
  suggestions.removeAttribute("id");
  suggestions.inert = true;
  place.classList.add("held");
  place.replaceChildren(suggestions);
}

document.addEventListener("visibilitychange", look);
document.addEventListener("htmx:afterSwap", say);
say();
timer = setTimeout(look, EVERY);
