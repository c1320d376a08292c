// The portal's own status colours. The first page brings a style sheet with its nonce; a fragment that
// comes later cannot, so its colours are set as a sheet made here.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);

function show() {
  const colors = document.getElementById("grid")?.dataset.colors ?? "";
  const pairs = [...colors.matchAll(/(st-\d+):(#[0-9a-f]{6});/g)];
  sheet.replaceSync(pairs.map(([, name, color]) => `.${name}{--c:${color}}`).join(""));
}

document.addEventListener("htmx:afterSwap", show);
show();
