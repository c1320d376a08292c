// Life inside the portal: our height, its sliders, the end of the installation.
import { portal } from "./portal.js";
import { readAnew } from "./anew.js";

const LEAST_WITH_DIALOG = 640;
const READ_THE_STEPS = 1_500;
const SLIDERS = /^\/crm\/(deal|type\/31)\/details\/\d+\/$/;

portal.then((frame) => {
  if (!frame) return;
  followHeight(frame);
  openInSlider(frame);
  finishInstallation(frame);
});

/** The frame is as high as its content, growing and shrinking; a dialog is never cut off. */
function followHeight(frame) {
  const content = document.querySelector("main");
  let reported = 0;
  const tell = () => {
    const dialog = document.querySelector("dialog[open]");
    const needed = Math.ceil(Math.max(content.offsetHeight, dialog ? LEAST_WITH_DIALOG : 0));
    if (Math.abs(needed - reported) < 2) return;
    reported = needed;
    frame.parent.resizeWindow(document.documentElement.clientWidth, needed).catch(() => {});
  };
  const watch = new ResizeObserver(() => requestAnimationFrame(tell));
  watch.observe(content);
  new MutationObserver(() => requestAnimationFrame(tell)).observe(document.getElementById("dialog-host"), {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["open"],
  });
}

/** The portal opens cards in its slider; the orders are read again on return. */
function openInSlider(frame) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-open-path]");
    if (!link || !SLIDERS.test(link.dataset.openPath)) return;
    event.preventDefault();
    const url = new URL(link.dataset.openPath, frame.origin);
    frame.slider.openPath(url).then(
      (closed) => closed.isClose && readAnew(),
      () => window.open(link.href, "_blank", "noopener"),
    );
  });
}

/** The portal reloads the page itself once it hears of the end; there is no answer to wait for. */
function finishInstallation(frame) {
  const finish = () => frame.isInstallMode && frame.installFinish();
  document.addEventListener("click", (event) => event.target.closest("[data-install-finish]") && finish());
  const done = () => document.querySelector("#steps[data-install-state=done]");
  const soon = () => done() && setTimeout(finish, READ_THE_STEPS);
  document.addEventListener("htmx:afterSwap", soon);
  soon();
}
