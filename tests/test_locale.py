"""Every text of the app exists in every language, with the same placeholders and markup."""

import ast
import re
from collections.abc import Iterator
from gettext import c2py
from io import BytesIO
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
APP = settings.BASE_DIR / "b24app"
PAGES = settings.BASE_DIR / "templates"

# Babel knows the functions themselves; Django adds lazy ones and one that only marks.
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_noop": None,
    **{
        f"{name}_lazy": DEFAULT_KEYWORDS[name]
        for name in ("gettext", "ngettext", "pgettext", "npgettext")
    },
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}")
TAG = re.compile(r"<[^>]*>")

Key = tuple[str | None, str | tuple[str, str]]


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def _po(root: Path, language: str) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


@pytest.fixture(params=LANGUAGES)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return _read(_po(APP, request.param), request.param)


def _messages(catalog: Catalog) -> Iterator[tuple[Message, list[str], list[str]]]:
    """Each message with its one or two English texts and its translations."""
    for message in catalog:
        if message.id:
            yield message, _texts(message.id), _texts(message.string)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value or "")]


def _keys(source: str) -> Iterator[Key]:
    for _, found, _, context in extract("python", BytesIO(source.encode()), KEYWORDS):
        yield context, found if isinstance(found, str) else (found[0], found[1])


def _page(text: str) -> str:
    """A template as Python calls; within brackets its indentation means nothing."""
    return f"(\n{templatize(text)}\n)"


def _used() -> set[Key]:
    python = (path.read_text() for path in APP.rglob("*.py"))
    pages = (_page(path.read_text()) for path in PAGES.rglob("*.html"))
    return {key for source in (*python, *pages) for key in _keys(source)}


def _same(pattern: re.Pattern[str], text: str, other: str) -> bool:
    return sorted(pattern.findall(text)) == sorted(pattern.findall(other))


def _only_for_one(catalog: Catalog, form: int) -> bool:
    """Whether a plural form is for 1 alone, where the number need not stand in the text.

    Not so in Russian: its first form also says 21 and 31.
    """
    plural = c2py(catalog.plural_expr)
    return [number for number in range(200) if plural(number) == form] == [1]


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ('_("a")', (None, "a")),
        ('gettext_lazy("a")', (None, "a")),
        ('ngettext("a", "b", 2)', (None, ("a", "b"))),
        ('pgettext_lazy("c", "a")', ("c", "a")),
        ('npgettext("c", "a", "b", 2)', ("c", ("a", "b"))),
    ],
)
def test_texts_in_python_are_found(source: str, key: Key) -> None:
    assert list(_keys(source)) == [key]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{% translate "a" %}', (None, "a")),
        ('<p>\n  <b title="{% translate "a" context "c" %}">(</b>', ("c", "a")),
        ('{{ _("a") }}', (None, "a")),
        ("{% blocktranslate with n=m %}a {{ n }}{% endblocktranslate %}", (None, "a %(n)s")),
        (
            '{% blocktranslate count n=m context "c" %}a{% plural %}{{ n }} b{% endblocktranslate %}',
            ("c", ("a", "%(n)s b")),
        ),
    ],
)
def test_texts_in_templates_are_found(text: str, key: Key) -> None:
    assert list(_keys(_page(text))) == [key]


def test_every_text_used_is_in_the_catalogue(catalog: Catalog) -> None:
    present = {(message.context, message.id) for message, *_ in _messages(catalog)}
    used = _used()
    assert len(used) > 100
    assert sorted(map(str, used - present)) == []


def test_no_text_stands_in_an_f_string() -> None:
    """Extraction misses it there before Python 3.12, so it would never be translated."""
    texts = [
        f"{path.relative_to(APP)}:{call.lineno}"
        for path in APP.rglob("*.py")
        for string in ast.walk(ast.parse(path.read_text()))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if call.func.id in KEYWORDS
    ]
    assert texts == []


def test_every_text_is_translated(catalog: Catalog) -> None:
    assert not catalog.fuzzy
    missing = [
        message.id
        for message, _, translations in _messages(catalog)
        if message.fuzzy
        or not all(translation.strip() for translation in translations)
        or len(translations) != (catalog.num_plurals if message.pluralizable else 1)
    ]
    assert missing == []


def test_placeholders_and_markup_are_kept(catalog: Catalog) -> None:
    differing = [
        translation
        for message, english, translations in _messages(catalog)
        for form, translation in enumerate(translations)
        for pattern in (PLACEHOLDER, TAG)
        if not _same(pattern, english[-1], translation)
        and not (
            message.pluralizable
            and _only_for_one(catalog, form)
            and _same(pattern, english[0], translation)
        )
    ]
    assert differing == []


def test_no_straight_quotes_outside_markup(catalog: Catalog) -> None:
    """They would end the attributes many translations stand in."""
    quoted = [
        text
        for _, _, texts in _messages(catalog)
        for text in texts
        if re.search("[\"']", TAG.sub("", text))
    ]
    assert quoted == []


def test_catalogue_header_matches_django(catalog: Catalog) -> None:
    language = str(catalog.locale)
    own = _read(_po(Path(django.__file__).parent / "conf", language), language)
    assert (catalog.num_plurals, catalog.plural_expr) == (own.num_plurals, own.plural_expr)
    text = _po(APP, language).read_text()
    assert f'"Language: {language}\\n"' in text
    assert "@" not in text


def test_catalogue_compiles_without_warnings(catalog: Catalog) -> None:
    assert [str(error) for _, errors in catalog.check() for error in errors] == []
