// The portal's own status colors. The first page brings a style sheet with its nonce; a fragment that
// comes later cannot, so its colors are set as a sheet made here.
import { liveSheet } from "./sheet.js";

const paint = liveSheet();

function show() {
  const colors = [...document.querySelectorAll("[data-colors]")].map((place) => place.dataset.colors).join("");
  const pairs = [...colors.matchAll(/(st-\d+):(#[0-9a-f]{6});/g)];
  paint(pairs.map(([, name, color]) => `.${name}{--c:${color}}`).join(""));
}

document.addEventListener("htmx:afterSwap", show);
show();
