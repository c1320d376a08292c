// The session is a signed token in a header. It lasts 30 minutes; a fresh token of the portal's own,
// asked for through the frame, renews it.
import { htmx } from "./settings.js";
import { portal } from "./portal.js";

const RENEW_AFTER = 25 * 60 * 1000;
// A portal that has removed the app may never answer the frame.
const FRAME_ANSWERS_WITHIN = 10_000;
const page = document.body;

let renewing = null;
let renewedAt = Date.now();

/** A new session, asked for once however many requests wait for it; rejects where the frame cannot help. */
export function renew() {
  renewing ??= ask().finally(() => (renewing = null));
  return renewing;
}

/** Our access is over: asking again brings nothing. */
export class Ended extends Error {}

async function tokenOfFrame() {
  const frame = await portal;
  return frame.auth.refreshAuth();
}

async function ask() {
  const late = new Promise((_, reject) => setTimeout(reject, FRAME_ANSWERS_WITHIN));
  const fresh = await Promise.race([tokenOfFrame(), late]).catch(() => {
    throw new Ended("no token from the frame");
  });
  const form = new URLSearchParams({
    AUTH_ID: fresh.access_token,
    REFRESH_ID: fresh.refresh_token,
    AUTH_EXPIRES: String(fresh.expires_in || ""),
  });
  const headers = { Authorization: `Bearer ${page.dataset.session}` };
  const answer = await fetch(page.dataset.renewUrl, { method: "POST", body: form, headers });
  if (answer.status === 401) throw new Ended("not renewed");
  if (!answer.ok) throw new Error(`not renewed: ${answer.status}`);
  page.dataset.session = (await answer.json()).session;
  renewedAt = Date.now();
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers.Authorization = `Bearer ${page.dataset.session}`;
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (!xhr.getResponseHeader("X-Session-Expired") || requestConfig.headers["X-Repeated"]) return;
  event.detail.shouldSwap = false;
  event.detail.isError = false;
  renew().then(
    () => repeat(requestConfig, event.detail.target),
    () => showEnded(),
  );
});

/** The same request again; what a form sent goes along, and a second refusal is shown. */
function repeat(config, target) {
  const swap = config.elt.closest("[hx-swap]")?.getAttribute("hx-swap") ?? "innerHTML";
  htmx.ajax(config.verb.toUpperCase(), config.path, {
    source: config.elt,
    target,
    swap,
    values: config.formData ? fromForm(config.formData) : {},
    headers: { "X-Repeated": "1" },
  });
}

function fromForm(form) {
  const values = {};
  for (const key of new Set(form.keys())) {
    const all = form.getAll(key);
    values[key] = all.length > 1 ? all : all[0];
  }
  return values;
}

export function showEnded() {
  const ended = document.getElementById("tpl-session-ended").content.cloneNode(true);
  const place = document.getElementById("orders") ?? document.querySelector("main");
  place.replaceChildren(ended);
  document.dispatchEvent(new CustomEvent("lo:dialog-close"));
}

setInterval(() => {
  if (document.visibilityState === "visible" && Date.now() - renewedAt > RENEW_AFTER) {
    renew().catch(() => {});
  }
}, 60_000);
