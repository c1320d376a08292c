// The portal's side of the frame protocol: the child sends `cmd:JSON:key:sid`, we answer `key:JSON`.
const frame = document.getElementById("app-frame");
const openable = /^\/(crm\/(deal|lead|contact|company|type)|marketplace|company\/personal\/user\/\d+|workgroups\/group\/\d+)\//;

document.querySelector("[data-reload]")?.addEventListener("click", () => location.reload());

if (frame) {
  const [, , sid] = frame.name.split("|");
  const child = new URL(document.getElementById("app-form").action).origin;
  window.addEventListener("message", (event) => {
    if (event.origin !== child || typeof event.data !== "string") return;
    const parts = event.data.split(":");
    if (parts.pop() !== sid) return;
    const key = parts.pop();
    const [name, ...json] = parts;
    const params = json.length ? JSON.parse(json.join(":")) : {};
    const answer = (value) => event.source.postMessage(`${key}:${JSON.stringify(value)}`, child);
    commands[name]?.(params, answer);
  });
  document.getElementById("app-form").submit();
}

const post = (path) => fetch(path, { method: "POST" }).then((response) => response.json());

const commands = {
  getInitData: async (_, answer) => {
    const auth = await post("/demo/frame/auth/");
    answer({
      ...auth,
      LANG: document.body.dataset.language,
      DOMAIN: location.host,
      PROTOCOL: "0",
      PATH: "/rest",
      MEMBER_ID: "",
      IS_ADMIN: frame.dataset.admin === "true",
      APP_OPTIONS: {},
      USER_OPTIONS: {},
      PLACEMENT: frame.dataset.placement === "INSTALL" ? "DEFAULT" : frame.dataset.placement,
      PLACEMENT_OPTIONS: JSON.parse(frame.dataset.options),
      INSTALL: frame.dataset.install === "true",
      FIRST_RUN: false,
    });
  },
  refreshAuth: async (_, answer) => answer(await post("/demo/frame/auth/")),
  resizeWindow: ({ height }, answer) => {
    frame.style.height = `${Math.max(Number.parseInt(height, 10) || 0, 100)}px`;
    answer({ result: "success" });
  },
  setInstall: (_, answer) => answer({ result: true }),
  setInstallFinish: async () => {
    await post("/demo/frame/finish/");
    location.assign("/marketplace/app/");
  },
  openPath: ({ path }, answer) => {
    const url = new URL(path, location.origin);
    if (!openable.test(url.pathname)) return answer({ result: "error", errorCode: "PATH_NOT_AVAILABLE" });
    slide(url, () => answer({ result: "close" }));
  },
  reloadWindow: () => frame.dataset.placement === "DEFAULT" && location.reload(),
  setTitle: ({ title }) => {
    if (frame.dataset.placement === "DEFAULT") document.title = title;
  },
};

function slide(url, closed) {
  const slider = document.createElement("div");
  slider.className = "slider";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.addEventListener("click", () => (slider.remove(), closed()));
  const inner = document.createElement("iframe");
  inner.src = url;
  slider.append(close, inner);
  document.body.append(slider);
}
