"""Pages of the app, read by an HTML parser. What stands in a ``<template>`` is not in the page."""

from selectolax.lexbor import LexborHTMLParser, LexborNode


def select(markup: str, css: str) -> list[LexborNode]:
    """The elements that match a CSS selector, in the order of the page.

    Table rows without a table, as fragments have them, are read too.
    """
    bare_rows = "<tr" in markup and "<table" not in markup
    return LexborHTMLParser(f"<table>{markup}</table>" if bare_rows else markup).css(css)


def only(markup: str, css: str) -> LexborNode:
    """The single element that matches; fails if there is none or more than one."""
    found = select(markup, css)
    assert len(found) == 1, f"{len(found)} elements match {css} in {markup[:2000]}"
    return found[0]


def attributes(markup: str, css: str, name: str) -> list[str]:
    """One attribute of every element that matches; empty text for an attribute without a value."""
    return [node.attributes[name] or "" for node in select(markup, css) if name in node.attributes]


def attribute(markup: str, css: str, name: str) -> str:
    """One attribute of the single element that matches."""
    return only(markup, css).attributes[name] or ""


def html_of(node: LexborNode) -> str:
    """The element's own markup."""
    assert node.html is not None
    return node.html


def templates_of(markup: str) -> list[str]:
    """The content of each template: what the script puts elsewhere into the page."""
    found = (html_of(node) for node in LexborHTMLParser(markup).css("template"))
    return [text[text.index(">") + 1 : -len("</template>")] for text in found]


def without_templates(markup: str) -> str:
    """The page's markup without its templates."""
    page = LexborHTMLParser(markup)
    for node in page.css("template"):
        node.decompose()
    return page.html or ""


def words(node: LexborNode) -> str:
    """The visible text, with single spaces."""
    return " ".join(node.text(separator=" ").split())


def form_fields(markup: str) -> dict[str, str]:
    """The named fields of a page as a browser would send them: chosen options, ticked boxes, texts."""
    found: dict[str, str] = {}
    for node in select(markup, "input[name], select[name]"):
        name = node.attributes["name"] or ""
        if node.tag == "select":
            chosen = node.css("option[selected]")
            found[name] = (chosen[0].attributes.get("value") or "") if chosen else ""
        elif node.attributes.get("type") not in ("radio", "checkbox"):
            found[name] = node.attributes.get("value") or ""
        elif "checked" in node.attributes:
            found[name] = node.attributes.get("value") or "on"
    return found
