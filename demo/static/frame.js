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

const CRM_KINDS = ["lead", "contact", "company", "deal", "quote"];
const values = (list) => Object.values(list ?? []).map(String);

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
  selectUser: async ({ mult }, answer) => {
    const chosen = await choose(["user"], mult);
    answer(mult ? chosen : chosen[0]);
  },
  // `value` are codes that cannot be chosen.
  selectAccess: async ({ value }, answer) => answer(await choose(["access"], true, { blocked: values(value) })),
  selectCRM: async ({ entityType, multiple, value }, answer) => {
    const kinds = values(entityType).length ? values(entityType) : CRM_KINDS;
    const before = multiple ? kinds.flatMap((kind) => values(value?.[kind]).map((id) => `${kind} ${id}`)) : [];
    const chosen = await choose(kinds, multiple, { before });
    // Each kind is an object with numbers for keys, as the portal has it.
    answer(Object.fromEntries(kinds.map((kind) => [kind, { ...chosen.filter((one) => one.type === kind) }])));
  },
  openPath: ({ path }, answer) => {
    const url = new URL(path, location.origin);
    if (!openable.test(url.pathname)) return answer({ result: "error", errorCode: "PATH_NOT_AVAILABLE" });
    slide(url, () => answer({ result: "close" }));
  },
  setScroll: ({ scroll }) => frame.dataset.placement === "DEFAULT" && window.scrollTo(0, Number.parseInt(scroll, 10) || 0),
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

/** What a person chooses in a dialog of the portal, in the order of the choice; never, if they close it. */
function choose(kinds, multiple, { before = [], blocked = [] } = {}) {
  const dialog = document.createElement("dialog");
  dialog.className = "choose";
  const search = document.createElement("input");
  search.type = "search";
  search.setAttribute("aria-label", "Search");
  const list = document.createElement("ul");
  const choice = new Map();
  dialog.append(search, list);

  const toggle = (one, on) => {
    if (!multiple) choice.clear();
    on ? choice.set(one.id, one) : choice.delete(one.id);
  };
  const item = (one) => {
    const mark = Object.assign(document.createElement("input"), {
      type: multiple ? "checkbox" : "radio",
      name: "choice",
      value: one.id,
      checked: choice.has(one.id),
      disabled: blocked.includes(one.id),
    });
    mark.addEventListener("change", () => toggle(one, mark.checked));
    const label = document.createElement("label");
    label.append(mark, one.title ?? one.name);
    const row = document.createElement("li");
    row.append(label);
    return row;
  };
  const find = (kind) =>
    fetch(`/demo/frame/choices/${kind}/?q=${encodeURIComponent(search.value)}`).then((response) => response.json());
  let asked = 0;
  const show = async () => {
    const turn = ++asked;
    const found = (await Promise.all(kinds.map(find))).flat();
    if (turn === asked) list.replaceChildren(...found.map(item));
    return found;
  };
  search.addEventListener("input", show);
  show().then((found) => {
    const wanted = (one) => before.includes(`${one.type} ${one.id.split("_")[1]}`);
    for (const one of found.filter(wanted)) choice.set(one.id, one);
    if (before.length) show();
  });

  return new Promise((resolve) => {
    const button = (text, pressed) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      made.addEventListener("click", () => (pressed(), dialog.close()));
      dialog.append(made, " ");
    };
    button("Select", () => (multiple || choice.size) && resolve([...choice.values()]));
    button("Cancel", () => {});
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
}
