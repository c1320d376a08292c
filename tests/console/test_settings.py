"""What administrators choose, and what becomes of it in the portal."""

from collections.abc import Mapping

import pytest
from django.test import Client
from django.urls import reverse

from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attribute, html_of, only, select, words
from testing.opening import ANNA, MARIA, Page, ask, submit
from tests.console.desk import SETTINGS, at_work

pytestmark = pytest.mark.django_db

ALL = {
    "CRM_DEAL_DETAIL_TAB",
    "CRM_DEAL_LIST_MENU",
    "CRM_DEAL_LIST_TOOLBAR",
    "CRM_ORDER_DETAIL_TAB",
    "CRM_SMART_INVOICE_DETAIL_TAB",
}


def save(client: Client, page: Page, **chosen: object) -> Page:
    return submit(client, page, reverse("console-settings-save"), {**SETTINGS, **chosen})


def bound(portal: DemoPortal) -> list[str]:
    return sorted(placement["placement"] for placement in portal.state.placements)


def test_form_shows_current_settings(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    named = [{"id": "U5", "name": "Maria <Lopez>"}]
    Portal.objects.update(
        named=named, suggestion_days=1200, journal_days=30, places_off=["invoice"]
    )
    text = ask(client, page, reverse("console-settings"), {}).text
    assert 'value="U5|Maria &lt;Lopez&gt;"' in text
    assert ('value="1200"' in text, 'value="30"' in text) == (True, True)
    assert 'value="invoice">' in text
    assert 'value="deal" checked>' in text


def test_all_settings_are_saved(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    answer = save(
        client,
        page,
        who="named",
        named=["U5|Maria Lopez", "DR12|Sales", "U5|Maria again", "SG4_K|Store group"],
        suggestion_days="30",
        notes="on",
        notes_language="de",
        journal_days="90",
    )
    assert answer.response.status_code == 200
    assert answer.toast["text"] == "Settings saved"
    known = Portal.objects.get()
    assert known.named_codes == ["U5", "DR12", "SG4_K"]
    assert (known.suggestion_days, known.notes, known.notes_language) == (30, True, "de")
    assert known.journal_days == 90


def trail(client: Client, page: Page, query: str = "kind=setting") -> list[tuple[str, ...]]:
    """Changes of settings as the audit shows them: who, which, before, after."""
    text = ask(client, page, f"{reverse('console-audit')}?{query}").text
    rows = [html_of(node) for node in select(text, "tr[data-entry]:has([data-setting])")]
    return [
        (
            words(only(row, ".person")),
            attribute(row, "[data-setting]", "data-setting"),
            words(only(row, ".from")),
            words(only(row, ".to")),
        )
        for row in rows
    ]


def test_each_change_is_in_the_audit(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    save(client, page)
    assert trail(client, page) == []
    named = ["U5|Maria <Lopez>", "DR12|Sales"]
    save(client, page, who="named", named=named, place=["deal", "order"], journal_days="30")
    save(client, page, who="named", named=named, place=["deal", "order"], journal_days="30")
    gone = (
        "Tab in the invoice card, Menu of a deal in the list of deals, Menu above the list of deals"
    )
    assert trail(client, page) == [
        ("Anna Schmidt", "journal_days", "7 days", "30 days"),
        ("Anna Schmidt", "places_off", gone, "–"),
        (
            "Anna Schmidt",
            "named",
            "Everyone, with their own permissions",
            "Maria <Lopez>, Sales",
        ),
    ]
    save(client, page, suggestion_days="0", notes="on", notes_language="de", place=[])
    found = {pair[1]: pair[2:] for pair in trail(client, page)[:6]}
    assert found == {
        "named": ("Maria <Lopez>, Sales", "Everyone, with their own permissions"),
        "suggestion_days": ("90 days", "0 days"),
        "notes": ("off", "on"),
        "notes_language": ("English", "Deutsch"),
        "places_off": ("Tab in the deal card, Tab in the order card", "–"),
        "journal_days": ("30 days", "7 days"),
    }


def test_settings_changes_are_found_and_exported(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    save(client, page, suggestion_days="30")
    assert len(trail(client, page, f"person={ANNA}")) == 1
    assert trail(client, page, f"person={MARIA}") == []
    assert trail(client, page, "kind=link") == []
    form = {"format": "csv", "kind": "setting"}
    rows = submit(client, page, f"{reverse('console-audit')}export/", form).response.content
    line = rows.decode("utf-8-sig").splitlines()[1].split(",")
    assert line[1:] == [
        "Anna Schmidt", "Suggestions", "", "", "90 days", "30 days", "in the console", "their own",
        "yes",
    ]  # fmt: skip


def test_rejected_settings_are_not_in_the_audit(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    save(client, page, notes="on", journal_days="91")
    portal.state.users[ANNA].admin = False
    assert save(client, page, notes="on", journal_days="30").state == "admins-only"
    portal.state.users[ANNA].admin = True
    Portal.objects.create(member_id="b" * 32, endpoint=f"{portal.url}/rest/")
    page = at_work(client, portal)
    assert trail(client, page) == []
    save(client, page, notes="on", journal_days="30")
    assert [entry.portal.member_id for entry in AuditEntry.objects.all()] == [portal.member_id] * 2


def test_entry_of_another_version_is_shown_as_it_is(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    anna = PortalUser.objects.get(user_id=ANNA)
    details: list[Mapping[str, object] | None] = [
        {"name": "colour", "before": 1, "after": [2]},
        {"name": "named", "before": None, "after": [{"id": "U5"}, "x"]},
        {"name": "places_off", "before": "x", "after": ["left_menu"]},
        {"name": "suggestion_days", "before": "x", "after": None},
        None,
    ]
    audit.record(anna, "console", [audit.Entry("setting", details=detail) for detail in details])
    answer = ask(client, page, reverse("console-audit"))
    assert answer.response.status_code == 200
    assert answer.text.count('data-what="setting"') == 5


def test_own_rights_only_clears_the_list_of_people(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    Portal.objects.update(named=[{"id": "U5", "name": "Maria Lopez"}])
    save(client, page, who="own", named=["U5|Maria Lopez"])
    assert Portal.objects.get().named == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"suggestion_days": "3651"},
        {"suggestion_days": "-1"},
        {"suggestion_days": ""},
        {"journal_days": "2"},
        {"journal_days": "91"},
        {"journal_days": "seven"},
        {"notes_language": "xx"},
        {"who": "everybody"},
        {"place": ["deal", "left_menu"]},
        {"who": "named", "named": ["CR|The author"]},
        {"who": "named", "named": ["U0|Nobody"]},
        {"who": "named", "named": ["U٥|Other digits"]},
        {"who": "named", "named": ["U5; DROP|x"]},
        {"who": "named", "named": [f"U{n}|x" for n in range(1, 102)]},
    ],
)
def test_invalid_form_changes_nothing_and_sends_no_request(
    client: Client, portal: DemoPortal, wrong: dict[str, object]
) -> None:
    page = at_work(client, portal)
    requests = portal.rest.requests
    answer = save(client, page, **({"journal_days": "30"} | wrong))
    assert answer.response.status_code == 422
    assert answer.response["X-Lo-State"] == "1"
    assert 'data-note="invalid"' in answer.text
    assert (Portal.objects.get().journal_days, portal.rest.requests) == (7, requests)


def test_form_with_mistake_keeps_other_input(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    named = ["U5|Maria Lopez", "CR|Nobody"]
    form = {
        "who": "named",
        "named": named,
        "notes": "on",
        "place": ["deal"],
        "notes_language": "ru",
    }
    text = save(client, page, suggestion_days="4000", **form).text
    assert 'value="U5|Maria Lopez"' in text
    assert "CR|" not in text
    assert ('name="notes" checked' in text, 'value="4000"' in text) == (True, True)
    assert text.count('name="place"') == 5
    assert [word for word in ("deal", "invoice") if f'value="{word}" checked' in text] == ["deal"]
    assert 'value="ru" selected' in text


def test_placements_are_bound_and_unbound_at_once(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    assert set(bound(portal)) == ALL
    save(client, page, place=["deal"])
    assert bound(portal) == ["CRM_DEAL_DETAIL_TAB"]
    assert Portal.objects.get().places_off == ["invoice", "order", "list_menu", "list_toolbar"]
    save(client, page)
    assert sorted(ALL) == bound(portal)


def test_changed_placements_cost_one_more_request(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    for place, requests in ((SETTINGS["place"], 1), (["deal"], 2)):
        before = portal.rest.requests
        save(client, page, place=place)
        assert portal.rest.requests - before == requests


def test_place_the_portal_refuses_is_named(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.misbehave("no_scope", method="placement.unbind")
    answer = save(client, page, place=["deal", "order", "list_menu", "list_toolbar"])
    assert 'data-note="refused"' in answer.text
    assert "Tab in the invoice card" in answer.text.partition("</section>")[0]
    assert Portal.objects.get().places_off == ["invoice"]


def test_settings_are_not_saved_if_portal_does_not_answer(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    portal.misbehave("html", times=10)
    answer = save(client, page, journal_days="30")
    assert (answer.state, answer.response.status_code) == ("silent", 504)
    assert 'id="menu-settings"' in answer.text
    assert Portal.objects.get().journal_days == 7


def test_settings_are_read_only_after_subscription_ended(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    Portal.objects.update(payment_expired=True)
    assert ask(client, page, reverse("console-settings")).response.status_code == 200
    assert save(client, page, journal_days="30").state == "payment"
    assert Portal.objects.get().journal_days == 7
