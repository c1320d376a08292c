// A state the server drew is shown whatever its status; a request that never arrived becomes a toast.
import { toast } from "./toast.js";
import { htmx } from "./settings.js";

const texts = document.body.dataset;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, requestConfig } = event.detail;
  if (!xhr.getResponseHeader("X-Lo-State") || event.detail.isError === false) return;
  if (requestConfig.headers["X-Lo-Quiet"]) {
    event.detail.isError = false;
    return;
  }
  event.detail.shouldSwap = true;
  event.detail.isError = false;
  // The state goes inside the place of the orders, so that the next answer finds that place again.
  if (target.id === "orders" || target.id === "grid" || target.id === "dialog-host") {
    event.detail.target = document.getElementById("orders") ?? target;
    event.detail.swapOverride = "innerHTML";
    document.dispatchEvent(new CustomEvent("lo:dialog-close"));
  }
});

for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    const { requestConfig, elt, target } = event.detail;
    // Nobody asked for what went wrong, or it is said where it was asked for.
    const byItself = requestConfig.headers["X-Lo-Quiet"] || requestConfig.triggeringEvent?.type === "lo:job-changed";
    if (byItself || target.matches("tr.more")) return;
    const again = requestConfig.verb === "get" && {
      label: texts.textRetry,
      act: () => htmx.trigger(elt, elt.matches("form") ? "submit" : "click"),
    };
    // Only what asks for nothing but a look has certainly changed nothing.
    const looked = name === "htmx:responseError" ? texts.textFailed : texts.textOffline;
    toast({ text: requestConfig.verb === "get" ? looked : texts.textUnknown, kind: "error", action: again });
  });
}
