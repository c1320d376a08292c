// A portal that did not answer, or is busy, is asked again by the page itself, a few times and ever more slowly.
const MOST = 4;

let tries = 0;
let clock = 0;

function begin() {
  clearInterval(clock);
  const line = document.querySelector("[data-retry-text]");
  if (!line) {
    if (document.getElementById("grid")) tries = 0;
    return;
  }
  // An opening that is tried again is a new page, which is told how often it was tried.
  tries = Math.max(tries, Number(line.dataset.retried));
  if (tries >= MOST) return;
  // Not all who were turned away at the same moment come back at the same moment.
  const spread = 1 + Math.random() / 2;
  let left = Math.round(Number(line.dataset.retrySeconds) * 2 ** tries++ * spread);
  const tick = () => {
    if (!line.isConnected) return clearInterval(clock);
    if (document.visibilityState !== "visible") return;
    line.hidden = false;
    line.textContent = line.dataset.retryText.replace("{n}", String(left));
    if (left-- > 0) return;
    clearInterval(clock);
    line.closest(".state").querySelector("button").click();
  };
  clock = setInterval(tick, 1_000);
  tick();
}

document.addEventListener("htmx:afterSwap", begin);
begin();
