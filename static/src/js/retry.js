// A portal that did not answer is asked again by the page itself, a few times and ever more slowly.
const MOST = 4;
const FIRST_SECONDS = 15;

let tries = 0;
let clock = 0;

function begin() {
  clearInterval(clock);
  const line = document.querySelector("[data-retry-text]");
  if (!line) {
    if (document.getElementById("grid")) tries = 0;
    return;
  }
  if (tries >= MOST) return;
  let left = FIRST_SECONDS * 2 ** tries++;
  const tick = () => {
    if (!line.isConnected) return clearInterval(clock);
    if (document.visibilityState !== "visible") return;
    line.hidden = false;
    line.textContent = line.dataset.retryText.replace("{n}", String(left));
    if (left-- > 0) return;
    clearInterval(clock);
    line.closest(".state").querySelector(".acts .btn").click();
  };
  clock = setInterval(tick, 1_000);
  tick();
}

document.addEventListener("htmx:afterSwap", begin);
begin();
