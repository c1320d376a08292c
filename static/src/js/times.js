// Moments are sent in UTC and shown by the clock of whoever looks.
const form = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang, {
  dateStyle: "medium",
  timeStyle: "short",
});

function show() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = form.format(new Date(time.dateTime));
  }
}

document.addEventListener("htmx:afterSwap", show);
show();
