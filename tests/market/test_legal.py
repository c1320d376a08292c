"""The licence and the privacy policy: readable by anybody, in three languages, naming who stands behind."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from testing.markup import select

pytestmark = pytest.mark.django_db

PAGES = ["/legal/licence/", "/legal/privacy/"]
LICENCE = {"en": "Licence agreement", "ru": "Лицензионное соглашение", "de": "Lizenzvertrag"}
PRIVACY = {
    "en": "Privacy policy",
    "ru": "Политика конфиденциальности",
    "de": "Datenschutzerklärung",
}
WORDS = {"/legal/licence/": LICENCE, "/legal/privacy/": PRIVACY}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "ru", "de"])
def test_each_page_is_there_in_each_language(client: Client, path: str, language: str) -> None:
    shown = client.get(path, {"lang": language})
    text = shown.content.decode()
    assert (shown.status_code, shown["Content-Language"]) == (200, language)
    assert shown["Content-Type"] == "text/html; charset=utf-8"
    assert f'<html lang="{language}">' in text
    assert f"<h1>{WORDS[path][language]}" in text
    assert "Linked Orders" in text
    assert "Set-Cookie" not in shown.headers
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr,ru;q=0.8", "ru"),
        ("fr", "en"),
        ("", "en"),
        ("*", "en"),
        ("\x00;q=x,,", "en"),
        ("ru," * 5000, "ru"),
    ],
)
def test_browser_language_is_used(client: Client, path: str, accepted: str, language: str) -> None:
    shown = client.get(path, headers={"Accept-Language": accepted})
    assert shown["Content-Language"] == language
    assert (
        client.get(path + "?lang=de", headers={"Accept-Language": accepted})["Content-Language"]
        == "de"
    )


@pytest.mark.parametrize("lang", ["fr", "", "../en", "<script>", "ru" * 500])
def test_unknown_language_falls_back_to_english(client: Client, lang: str) -> None:
    shown = client.get("/legal/privacy/", {"lang": lang})
    assert (shown.status_code, shown["Content-Language"]) == (200, "en")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "ru", "de"])
def test_licensor_is_named(client: Client, settings: Settings, path: str, language: str) -> None:
    assert settings.APP_URL in client.get(path, {"lang": language}).content.decode()
    settings.PUBLISHER = "Example <b>GmbH</b>, Musterweg 1, Musterstadt"
    settings.PUBLISHER_EMAIL = "support@example.com"
    text = client.get(path, {"lang": language}).content.decode()
    assert "Example &lt;b&gt;GmbH&lt;/b&gt;, Musterweg 1, Musterstadt" in text
    assert 'href="mailto:support@example.com"' in text


@pytest.mark.parametrize("path", PAGES)
def test_languages_have_the_same_sections(client: Client, path: str) -> None:
    """The same headings, paragraphs and points in each: a text changed in one has to be in all."""
    shapes = {
        tuple(
            node.tag
            for node in select(
                client.get(path, {"lang": language}).content.decode(), "h1, h2, p, li"
            )
        )
        for language in ("en", "ru", "de")
    }
    assert len(shapes) == 1
