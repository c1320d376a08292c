"""Who changed what, as the card's history tells it, and Undo beside it."""

import pytest
from django.test import Client

from b24app.journal.models import AppendOnly, AuditEntry
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import (
    EMPTY,
    ILYA,
    MARIA,
    ONE,
    TOM,
    WINTER,
    Page,
    ask,
    install,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, EMPTY)


def bring(client: Client, portal: DemoPortal, tab: Page, number: str, seen: str = "") -> str:
    """Link an order to the tab's deal; the id of the click."""
    form = {"order": f"{portal.order_id(number)}|{seen}", "move": "on"}
    submit(client, tab, "/tab/link/", form)
    return str(AuditEntry.objects.latest("pk").change)


def test_empty_history(client: Client, portal: DemoPortal, tab: Page) -> None:
    portal.reset_counts()
    assert ask(client, tab, "/tab/history/").state == "no-history"
    assert portal.http_requests == 1


def test_history_shows_person_change_source_and_route(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", f"2:{WINTER}")
    portal.reset_counts()
    shown = ask(client, tab, "/tab/history/").text
    assert portal.http_requests == 1
    for text in ("Ilya Sokolov", "No. 1184", "Deal 6933 Winter catalogue", "this deal", "Undo"):
        assert text in shown


def test_both_deals_of_a_move_show_it_and_others_do_not(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", f"2:{WINTER}")
    left = open_tab(client, portal, ILYA, WINTER)
    assert "No. 1184" in ask(client, left, "/tab/history/").text
    other = open_tab(client, portal, ILYA, ONE)
    assert ask(client, other, "/tab/history/").state == "no-history"


def test_history_of_one_order(client: Client, portal: DemoPortal, tab: Page) -> None:
    bring(client, portal, tab, "1184", f"2:{WINTER}")
    bring(client, portal, tab, "1193")
    shown = ask(client, tab, f"/tab/history/?order={portal.order_id('1193')}").text
    assert "History of No. 1193" in shown
    assert "1184" not in shown


def test_undo_of_an_older_change(client: Client, portal: DemoPortal, tab: Page) -> None:
    first = bring(client, portal, tab, "1184", f"2:{WINTER}")
    bring(client, portal, tab, "1193")
    submit(client, tab, "/tab/undo/", {"change": first})
    assert portal.link_of(portal.order_id("1184")) == (2, WINTER)
    assert portal.link_of(portal.order_id("1193")) == (2, EMPTY)
    shown = ask(client, tab, "/tab/history/").text
    assert "Undone" in shown
    assert submit(client, tab, "/tab/undo/", {"change": first}).response.status_code == 400


def test_undo_from_the_target_of_a_move(client: Client, portal: DemoPortal, tab: Page) -> None:
    change = bring(client, portal, tab, "1184", f"2:{WINTER}")
    left = open_tab(client, portal, ILYA, WINTER)
    submit(client, left, "/tab/undo/", {"change": change})
    assert portal.link_of(portal.order_id("1184")) == (2, WINTER)


def test_deleted_deal_cannot_be_undone_to(client: Client, portal: DemoPortal, tab: Page) -> None:
    change = bring(client, portal, tab, "1184", f"2:{WINTER}")
    del portal.state.deals[WINTER]
    answer = submit(client, tab, "/tab/undo/", {"change": change})
    assert portal.link_of(portal.order_id("1184")) == (2, EMPTY)
    assert 'data-note="failed"' in answer.text


def test_deal_titles_require_access_to_the_deal(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", f"2:{WINTER}")
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(TOM)
    portal.state.deals[WINTER]["ASSIGNED_BY_ID"] = str(ILYA)
    shown = ask(client, open_tab(client, portal, TOM, EMPTY), "/tab/history/").text
    assert "Deal 6933" in shown
    assert "Winter catalogue" not in shown


def test_history_is_shown_without_titles_if_unreadable(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", f"2:{WINTER}")
    portal.misbehave("no_read", method="crm.deal.list")
    assert "No. 1184" in ask(client, tab, "/tab/history/").text


def test_history_of_another_portal_is_not_shown(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    change = bring(client, portal, tab, "1193")
    entry = AuditEntry.objects.get().pk
    other = Portal.objects.create(member_id="other", endpoint="https://other.example/rest/")
    AuditEntry.objects.filter(pk=entry)._raw_delete("default")  # move the entry to another tenant
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                pk=entry, portal=other, change=change, order_id=1, to_type=2, to_id=EMPTY, user_id=1
            )
        ]
    )
    assert ask(client, tab, "/tab/history/").state == "no-history"
    for form in ({"change": change}, {"entry": str(entry)}):
        assert submit(client, tab, "/tab/undo/", form).response.status_code == 400
    assert portal.link_of(portal.order_id("1193")) == (2, EMPTY)


@pytest.mark.parametrize(
    "form", [{}, {"change": "x"}, {"entry": "-1"}, {"entry": "9" * 30}, {"entry": "5"}]
)
def test_forged_undo_is_refused(
    client: Client, portal: DemoPortal, tab: Page, form: dict[str, str]
) -> None:
    portal.reset_counts()
    assert submit(client, tab, "/tab/undo/", form).response.status_code == 400
    assert portal.http_requests == 0


def test_audit_is_append_only(client: Client, portal: DemoPortal, tab: Page) -> None:
    bring(client, portal, tab, "1193")
    entry = AuditEntry.objects.get()
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnly):
            change()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(user_id=5)


def test_write_with_unknown_outcome_is_recorded_as_unknown(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("reset", method="crm.orderentity.add", after=True)
    portal.misbehave("html", times=99, skip=1)
    submit(client, tab, "/tab/link/", {"order": f"{portal.order_id('1193')}|"})
    portal.calm()
    assert not AuditEntry.objects.get().certain
    assert "the change may not have been made" in ask(client, tab, "/tab/history/").text


def test_reader_sees_history_but_cannot_undo(client: Client, portal: DemoPortal, tab: Page) -> None:
    change = bring(client, portal, tab, "1193")
    reader = open_tab(client, portal, MARIA, EMPTY)
    assert "No. 1193" in ask(client, reader, "/tab/history/").text
    assert 'data-note="failed"' in submit(client, reader, "/tab/undo/", {"change": change}).text
    assert portal.link_of(portal.order_id("1193")) == (2, EMPTY)
