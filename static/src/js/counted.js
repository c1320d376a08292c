/** The text for `n` in the page's language, from the data-text-… of `element`; `shown` stands in place of `n`. */
export function counted(element, n, shown = String(n)) {
  const rule = new Intl.PluralRules(document.documentElement.lang).select(n);
  const name = `text${rule[0].toUpperCase()}${rule.slice(1)}`;
  return (element.dataset[name] ?? element.dataset.textOther).replace("{n}", shown);
}
