// A portal that did not answer, or is busy, is asked again by the page itself, a few times and ever more slowly.
const MOST = 4;
const TICK = 250;

let tries = 0;
let clock = 0;
let counting = null;

function begin() {
  const line = document.querySelector("[data-retry-text]");
  // Something else on the page was swapped: the countdown goes on.
  if (line && line === counting) return;
  counting = line;
  clearInterval(clock);
  if (!line) {
    if (document.getElementById("grid")) tries = 0;
    return;
  }
  // An opening that is tried again is a new page, which receives the number of tries.
  tries = Math.max(tries, Number(line.dataset.retried));
  if (tries >= MOST) return;
  // Not all who were turned away at the same moment come back at the same moment.
  let left = Number(line.dataset.retrySeconds) * 2 ** tries++ * (1 + Math.random() / 4);
  const tick = () => {
    if (!line.isConnected) return clearInterval(clock);
    if (document.visibilityState !== "visible") return;
    line.hidden = false;
    line.textContent = line.dataset.retryText.replace("{n}", String(Math.ceil(left)));
    left -= TICK / 1_000;
    if (left > 0) return;
    clearInterval(clock);
    line.closest(".state").querySelector(".acts .btn").click();
  };
  clock = setInterval(tick, TICK);
  tick();
}

document.addEventListener("htmx:afterSwap", begin);
begin();
