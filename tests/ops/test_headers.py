"""Headers of every answer: of pages, fragments, refusals and errors alike."""

import gzip
import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import ANNA, CHAIRS_INVOICE, MOCKUP, install, launch, open_tab, seen

pytestmark = pytest.mark.django_db

ROUTES = sorted(
    reverse(route.name)
    for route in get_resolver().url_patterns
    if isinstance(route, URLPattern) and route.name and not route.pattern.converters
)
STRANGE = ["/nothing/here/", "/%00", "/static/none.css", "/tab/orders/%2e%2e/", "/?DOMAIN=%ff"]


def directives(response: HttpResponse) -> dict[str, list[str]]:
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


def answers(client: Client) -> list[HttpResponse]:
    """What an outsider gets everywhere, by every verb."""
    verbs = (client.get, client.post, client.head, client.put, client.delete, client.options)
    return [seen(verb(path)).response for path in ROUTES + STRANGE for verb in verbs]


def test_every_answer_has_the_strict_headers(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    for response in [*answers(client), open_tab(client, portal).response]:
        policy = directives(response)
        assert policy["default-src"] == ["'none'"]
        assert policy["script-src"] == ["'self'"]
        assert policy["base-uri"] == ["'none'"]
        assert policy["form-action"] == ["'self'"]
        (own, nonce) = policy["style-src"]
        assert own == "'self'"
        assert re.fullmatch(r"'nonce-[\w-]{20,}'", nonce)
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cache-Control"] == "no-store"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        # A portal shows the pages in a frame: this header would forbid it whoever it is.
        assert "X-Frame-Options" not in response
        assert "X-Powered-By" not in response


def test_no_page_sets_a_cookie(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    open_tab(client, portal)
    for response in answers(client):
        assert not response.cookies
    assert not client.cookies


def test_unverified_pages_cannot_be_framed_or_contain_nothing(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    for response in answers(client):
        assert portal.domain not in directives(response)["frame-ancestors"]
        assert portal.domain.encode() not in response.content
    shown = directives(open_tab(client, portal).response)["frame-ancestors"]
    assert [text.partition("://")[2] for text in shown] == [portal.domain]


def test_nonce_is_good_for_one_answer(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    nonces = [str(directives(open_tab(client, portal).response)["style-src"]) for _ in range(3)]
    assert len(set(nonces)) == 3


OPENINGS = [
    ("CRM_DEAL_DETAIL_TAB", MOCKUP),
    ("CRM_SMART_INVOICE_DETAIL_TAB", CHAIRS_INVOICE),
    ("CRM_ORDER_DETAIL_TAB", MOCKUP),
    ("DEFAULT", 0),
    ("INSTALL", 0),
]


@pytest.mark.parametrize(("placement", "card"), OPENINGS)
def test_first_opening_after_a_rename_is_framed_by_the_new_address(
    client: Client, portal: DemoPortal, placement: str, card: int
) -> None:
    install(client, portal)
    before = portal.domain
    portal.rename()
    assert portal.domain != before
    if placement == "CRM_ORDER_DETAIL_TAB":
        card = min(portal.state.orders)
    page = launch(client, portal, placement, ANNA, card, "en", {})
    assert page.response.status_code == 200
    assert directives(page.response)["frame-ancestors"] == [f"http://{portal.domain}"]
    assert before not in page.text


@pytest.mark.parametrize("state", ["no_read", "payment_required", "html"])
def test_refusal_after_a_rename_is_framed_by_the_new_address(
    client: Client, portal: DemoPortal, state: str
) -> None:
    install(client, portal)
    portal.rename()
    # The redirect itself is answered well; what follows at the new address is not.
    portal.misbehave(state, method="crm.orderentity.list", times=9, skip=1)
    page = open_tab(client, portal)
    assert directives(page.response)["frame-ancestors"] == [f"http://{portal.domain}"]


def test_unconfirmed_redirect_does_not_widen_frame_ancestors(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    for opening in (open_tab, install):
        portal.misbehave("redirect", times=9)
        page = opening(client, portal)
        portal.calm()
        assert page.state == "silent"
        assert "example.invalid" not in page.response["Content-Security-Policy"]
        named = directives(page.response)["frame-ancestors"]
        assert [text.partition("://")[2] for text in named] == [portal.domain]
    assert Portal.objects.get().host == portal.domain


def test_pages_and_fragments_are_compressed(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    page = open_tab(client, portal)
    opening = portal.open("CRM_DEAL_DETAIL_TAB", user_id=ANNA, lang="en", entity_id=MOCKUP)
    headers = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {page.session}"}
    whole = client.post(opening.url, dict(opening.form), headers={"Accept-Encoding": "gzip"})
    fragment = client.get("/tab/orders/", headers=headers)
    for answer in (whole, fragment):
        assert answer["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer["Vary"]
        assert b"data-order-id" in gzip.decompress(answer.content)
    assert len(whole.content) < len(page.response.content) / 3
    # Its length says nothing exact about what is in it.
    lengths = {len(client.get("/tab/orders/", headers=headers).content) for _ in range(8)}
    assert len(lengths) > 1


def test_credentials_sent_by_browsers_alone_show_no_secret(
    client: Client, portal: DemoPortal
) -> None:
    """Guessing a secret by the length of compressed pages needs requests that carry the person's access."""
    install(client, portal)
    page = open_tab(client, portal)
    assert page.session
    assert not client.cookies
    for response in answers(client):
        assert b'data-session=""' in response.content or b"data-session" not in response.content
