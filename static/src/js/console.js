// The console: people and departments from the portal's own selector.
import { portal } from "./portal.js";

const names = () => document.getElementById("names");

async function choose(button) {
  const frame = await portal;
  if (!frame) return;
  const taken = [...names().querySelectorAll("input")].map((one) => one.value.split("|")[0]);
  const chosen = Object.values((await frame.dialog.selectAccess(taken).catch(() => null)) ?? {});
  const fresh = chosen.filter(({ id, name }) => id && name && !taken.includes(id));
  names()?.append(...fresh.map(named));
  if (fresh.length) button.closest(".option").querySelector("[type=radio]").checked = true;
}

function named({ id, name }) {
  const item = document.getElementById("tpl-name").content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = name;
  item.querySelector("input").value = `${id}|${name}`;
  const remove = item.querySelector("button");
  remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace("{name}", name));
  return item;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose-names]");
  if (button) choose(button);
  const remove = event.target.closest("[data-unname]");
  if (!remove) return;
  remove.closest("li").remove();
  document.querySelector("[data-choose-names]").focus();
});
