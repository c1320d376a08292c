"""The Market's card: texts within its rules, in three languages alike; pictures of the right size."""

import re
import struct
from pathlib import Path

import pytest

from testing.processes import ROOT
from tools.market import HEIGHT, LANGUAGES, SCENES, WIDTH

pytestmark = pytest.mark.bare

MARKET = ROOT / "docs" / "market"
PARTS = [
    "Short description", "Full description", "Installation", "Support", "Keywords", "Categories",
    "What is new",
]  # fmt: skip
# What only whoever publishes the app can know.
LEFT_OPEN = re.compile(r"⟨[^⟩]+⟩")


def card(language: str) -> tuple[str, dict[str, str]]:
    """The name on the card, and its parts by their headings."""
    text = (MARKET / f"card.{language}.md").read_text("utf-8")
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    found = dict(part.split("\n", 1) for part in parts)
    return head.removeprefix("# ").strip(), {name: body.strip() for name, body in found.items()}


def picture(path: Path) -> tuple[int, int, bool]:
    """Width, height and whether it is opaque, from a PNG's own head (colour type 2: no alpha)."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    return width, height, colour == 2 and b"tRNS" not in data


@pytest.mark.parametrize("language", LANGUAGES)
def test_card_follows_market_rules(language: str) -> None:
    name, parts = card(language)
    assert list(parts) == PARTS
    assert len(name) <= 50
    short = parts["Short description"]
    assert 1 <= len(re.findall(r"[.!?](?=\s|$)", short)) <= 2
    assert name not in short
    assert len(short) <= 250
    keywords = parts["Keywords"]
    assert len(keywords) <= 2000
    assert not re.search(r"bitrix|битрикс", keywords, re.IGNORECASE)
    words = [part.strip().casefold() for part in keywords.split(",")]
    assert all(words)
    assert len(words) == len(set(words)) > 15
    categories = re.findall(r"^- (.+)$", parts["Categories"], re.MULTILINE)
    assert 1 <= len(categories) <= 5
    texts = " ".join(parts[part] for part in PARTS if part != "Support")
    assert not re.search(r"https?://|www\.|@|\+\d", texts)
    assert not re.search(r"discount|free of charge|скидк|бесплатн|rabatt|kostenlos", texts, re.I)


@pytest.mark.parametrize("language", LANGUAGES)
def test_card_names_limits_and_rights(language: str) -> None:
    full = card(language)[1]["Full description"]
    for figure in ("50", re.compile(r"1[., \u202f\u00a0]?000\b"), re.compile(r"10[., \u00a0]000")):
        assert re.search(figure, full)
    assert "https" in full
    assert re.search(r"administrator|администратор", full, re.IGNORECASE)
    for step in range(1, 6):
        assert re.search(rf"^{step}\. ", card(language)[1]["Installation"], re.MULTILINE)


def test_languages_have_the_same_parts() -> None:
    shapes = {
        tuple(len(re.findall(r"^(?:- |\d\. )", body, re.MULTILINE)) for body in parts.values())
        for _, parts in map(card, LANGUAGES)
    }
    assert len(shapes) == 1
    for language, script in (("en", "Latn"), ("de", "Latn"), ("ru", "Cyrl")):
        full = card(language)[1]["Full description"]
        cyrillic = len(re.findall(r"[а-яё]", full, re.IGNORECASE))
        assert (cyrillic > 500) == (script == "Cyrl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_support_contact_is_left_open(language: str) -> None:
    _, parts = card(language)
    assert LEFT_OPEN.findall(parts["Support"]) == ["⟨support e-mail⟩", "⟨days, hours, time zone⟩"]
    assert not LEFT_OPEN.search("".join(parts[part] for part in PARTS if part != "Support"))


def test_icon_is_square_and_opaque() -> None:
    width, height, opaque = picture(MARKET / "icon.png")
    assert width == height
    assert 250 <= width <= 650
    assert opaque


def test_screenshots_are_complete_and_no_larger_than_allowed() -> None:
    found = {path.relative_to(MARKET / "screenshots") for path in MARKET.rglob("screenshots/*/*")}
    assert found == {Path(language) / f"{scene}.png" for language in LANGUAGES for scene in SCENES}
    for path in found:
        width, height, _ = picture(MARKET / "screenshots" / path)
        assert (width, height) == (WIDTH, HEIGHT) <= (1280, 720)


def test_no_page_asks_for_a_password() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        assert 'type="password"' not in path.read_text("utf-8")
