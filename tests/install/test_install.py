"""Installing into a portal: once, again, badly, and away."""

import re

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from b24app.events.models import InboxEvent
from b24app.portals import bindings
from b24app.portals.bindings import PLACES
from b24app.portals.models import Portal, PortalUser
from b24app.portals.placements import DEAL_TAB
from demo.server import DemoPortal
from demo.state import SCOPE
from testing.opening import ANNA, MARIA, install, launch, submit
from testing.processes import ROOT
from tests.events.posting import post, work

pytestmark = pytest.mark.django_db


EVENTS = {
    "ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT",
    "ONSALEORDERSAVED", "ONORDERDELETED", "ONPAYMENTENTITYSAVED", "ONPAYMENTDELETED",
    "ONSHIPMENTENTITYSAVED", "ONSHIPMENTDELETED", "ONCRMDEALUPDATE", "ONCRMDEALDELETE",
}  # fmt: skip


def bound(portal: DemoPortal) -> list[tuple[str, str]]:
    """Placements bound, with the paths of their handlers."""
    return sorted(
        (placement["placement"], placement["handler"].removeprefix(portal.app_url))
        for placement in portal.state.placements
    )


def connected(portal: DemoPortal) -> list[str]:
    return sorted(event["event"].upper() for event in portal.state.events)


def test_installation_binds_tab_and_events_and_stores_portal(
    client: Client, portal: DemoPortal
) -> None:
    page = install(client, portal)
    assert page.response.status_code == 200
    assert 'data-install-state="done"' in page.text
    assert bound(portal) == sorted((place.code, reverse(place.route)) for place in PLACES.values())
    assert connected(portal) == sorted(EVENTS)
    known = Portal.objects.get()
    assert (known.member_id, known.endpoint) == (portal.member_id, f"{portal.url}/rest/")
    assert known.installer is not None
    assert known.installer.user_id == ANNA
    placed = {placement["placement"]: placement for placement in portal.state.placements}
    titles = placed[DEAL_TAB]["langAll"]
    assert {language: titles[language]["TITLE"] for language in titles} == {
        "en": "Orders",
        "ru": "Заказы",
        "de": "Bestellungen",
    }


def test_repeated_installation_creates_no_duplicates(client: Client, portal: DemoPortal) -> None:
    for _ in range(3):
        install(client, portal)
    assert len(bound(portal)) == len(PLACES)
    assert connected(portal) == sorted(EVENTS)
    assert (Portal.objects.count(), PortalUser.objects.count()) == (1, 1)


def test_bindings_of_old_addresses_are_removed(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    old = {**portal.state.placements[0], "handler": "https://old.example.com/placements/deal-tab/"}
    portal.state.placements.append(old)
    portal.state.placements.append(dict(portal.state.placements[0]))
    install(client, portal)
    assert len(bound(portal)) == len(set(bound(portal))) == len(PLACES)
    assert not any("old.example.com" in handler for _, handler in bound(portal))


def test_only_an_administrator_installs(client: Client, portal: DemoPortal) -> None:
    page = install(client, portal, user_id=MARIA)
    assert (page.state, page.response.status_code) == ("not-admin", 403)
    assert not Portal.objects.exists()
    assert not bound(portal)


@pytest.mark.parametrize("scope", ["crm", "sale", "placement", "user_brief"])
def test_missing_permission_is_named(client: Client, portal: DemoPortal, scope: str) -> None:
    portal.state.app.scope = [text for text in portal.state.app.scope if text != scope]
    page = install(client, portal)
    assert 'data-install-state="failed"' in page.text
    assert scope in page.text


def test_installation_without_notifications_completes_with_a_notice(
    client: Client, portal: DemoPortal
) -> None:
    assert 'data-optional="im"' not in install(client, portal).text
    portal.state.app.scope.remove("im")
    page = install(client, portal)
    assert 'data-install-state="done"' in page.text
    assert "There is no message when a long job ends; everything else works." in page.text
    main = launch(client, portal, "DEFAULT", ANNA, 0, "en", {})
    assert 'data-check="permissions" data-grade="fine"' in main.text
    assert 'data-optional="im"' in main.text


def test_every_required_permission_is_documented() -> None:
    asked = {*bindings.SCOPES, *bindings.OPTIONAL_SCOPES}
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    assert asked <= set(re.findall(r"\(`([a-z_]+)`\)", guide))
    assert asked == set(SCOPE)


def test_plain_http_is_refused_unless_allowed(
    client: Client, portal: DemoPortal, settings: LazySettings
) -> None:
    settings.B24_ALLOW_HTTP = False
    page = install(client, portal)
    assert page.state == "portal-closed"
    assert not Portal.objects.exists()


def test_button_repeats_failed_step(client: Client, portal: DemoPortal) -> None:
    portal.misbehave("no_scope", method="event.bind", times=10)
    page = install(client, portal)
    assert 'data-step="events" data-done="no"' in page.text
    portal.calm()
    again = submit(client, page, "/install/repeat/", {})
    assert 'data-install-state="done"' in again.text
    assert connected(portal) == sorted(EVENTS)


def test_domain_field_is_never_called(client: Client, portal: DemoPortal) -> None:
    opening = portal.open("INSTALL", user_id=ANNA, lang="en", entity_id=0)
    form = dict(opening.form)
    page = client.post("/install/?DOMAIN=169.254.169.254&PROTOCOL=0&LANG=en&APP_SID=x", form)
    assert page.status_code == 200
    assert Portal.objects.get().endpoint == f"{portal.url}/rest/"


def test_foreign_token_cannot_install(client: Client, portal: DemoPortal) -> None:
    for form in ({"AUTH_ID": "forged-token-forged"}, {"member_id": "f" * 32}, {"AUTH_ID": ""}):
        assert install(client, portal, form=form).state in ("foreign", "malformed")
    assert not Portal.objects.exists()


def test_event_waits_while_portal_is_unreachable(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    assert post(client, portal, "ONAPPUNINSTALL", {"[CLEAN]": "1"}) == 204
    portal.misbehave("reset", times=100)
    work()
    # What it asks for waits with the portal, for longer than an event is tried.
    assert (InboxEvent.objects.get().state, Portal.objects.count()) == ("done", 1)
    assert Portal.objects.get().removal_told_at is not None


def test_new_application_token_is_accepted_if_access_token_is_verified(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    fresh = portal.event_auth() | {"application_token": "n" * 32}
    form = {"event": "ONAPPINSTALL", "data[VERSION]": "1"} | {
        f"auth[{k}]": v for k, v in fresh.items()
    }
    assert (
        client.post("/events/", form | {"auth[access_token]": "forged-token-forged"}).status_code
        == 204
    )
    work()
    assert Portal.objects.get().application_token != "n" * 32
    token = portal.open("DEFAULT", user_id=ANNA, lang="en", entity_id=0).form["AUTH_ID"]
    assert client.post("/events/", form | {"auth[access_token]": token}).status_code == 204
    work()
    assert Portal.objects.get().application_token == "n" * 32
    assert not InboxEvent.objects.exclude(sealed="").exists()


def test_head_request_is_answered(client: Client) -> None:
    assert client.head("/").status_code == client.head("/install/").status_code == 200
    assert "Open Linked Orders in Bitrix24" in client.get("/").content.decode()
    german = client.get("/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert "Linked Orders läuft in Bitrix24" in german.content.decode()


def test_main_page_opens_for_everybody(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    opening = portal.open("DEFAULT", user_id=MARIA, lang="de", entity_id=0)
    page = client.post("/?DOMAIN=x&LANG=de", dict(opening.form))
    assert page.status_code == 200
    assert '<html lang="de">' in page.content.decode()
