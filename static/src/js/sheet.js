// Positions and colours of the moment. An element's own style attribute would be copied about when parts of
// the page are swapped, and the page's policy forbids that; a sheet made here is neither.

/** A rule set that replaces its former self. */
export function liveSheet() {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  return (css) => sheet.replaceSync(css);
}
