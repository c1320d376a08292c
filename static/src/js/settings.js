// htmx under a strict policy: no eval, no inline style, no history, only our own server.
import htmx from "htmx.org";

Object.assign(htmx.config, {
  allowEval: false,
  allowScriptTags: false,
  historyEnabled: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  timeout: 75_000,
  // New content listens when the settling is over: a key pressed before that would be lost.
  defaultSettleDelay: 0,
  // The style attribute is not among them: setting it would be inline style.
  attributesToSettle: ["class", "width", "height"],
});

export { htmx };
