"""Who changed what, as the card's history tells it, and Undo beside it."""

import pytest
from django.test import Client

from b24app.journal.models import AppendOnly, AuditEntry
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import EMPTY, ILYA, MARIA, ONE, TOM, Page, ask, install, open_tab, submit

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


def test_nothing_yet(client: Client, portal: DemoPortal, tab: Page) -> None:
    portal.reset_counts()
    assert ask(client, tab, "/tab/history/").state == "no-history"
    assert portal.http_requests == 1


def test_it_says_who_what_from_where_and_through_what(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", "2:6933")
    portal.reset_counts()
    shown = ask(client, tab, "/tab/history/").text
    assert portal.http_requests == 1
    for text in ("Ilya Sokolov", "No. 1184", "Deal 6933 Winter catalogue", "this deal", "Undo"):
        assert text in shown


def test_the_other_deal_sees_it_too_and_another_does_not(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", "2:6933")
    left = open_tab(client, portal, ILYA, 6933)
    assert "No. 1184" in ask(client, left, "/tab/history/").text
    other = open_tab(client, portal, ILYA, ONE)
    assert ask(client, other, "/tab/history/").state == "no-history"


def test_of_one_order(client: Client, portal: DemoPortal, tab: Page) -> None:
    bring(client, portal, tab, "1184", "2:6933")
    bring(client, portal, tab, "1193")
    shown = ask(client, tab, f"/tab/history/?order={portal.order_id('1193')}").text
    assert "History of No. 1193" in shown
    assert "1184" not in shown


def test_undo_of_an_older_change(client: Client, portal: DemoPortal, tab: Page) -> None:
    first = bring(client, portal, tab, "1184", "2:6933")
    bring(client, portal, tab, "1193")
    submit(client, tab, "/tab/undo/", {"change": first})
    assert portal.link_of(portal.order_id("1184")) == (2, 6933)
    assert portal.link_of(portal.order_id("1193")) == (2, EMPTY)
    shown = ask(client, tab, "/tab/history/").text
    assert "Undone" in shown
    assert submit(client, tab, "/tab/undo/", {"change": first}).response.status_code == 400


def test_undo_from_the_other_side_of_a_move(client: Client, portal: DemoPortal, tab: Page) -> None:
    change = bring(client, portal, tab, "1184", "2:6933")
    left = open_tab(client, portal, ILYA, 6933)
    submit(client, left, "/tab/undo/", {"change": change})
    assert portal.link_of(portal.order_id("1184")) == (2, 6933)


def test_a_deal_that_is_gone_is_no_way_back(client: Client, portal: DemoPortal, tab: Page) -> None:
    change = bring(client, portal, tab, "1184", "2:6933")
    del portal.state.deals[6933]
    answer = submit(client, tab, "/tab/undo/", {"change": change})
    assert portal.link_of(portal.order_id("1184")) == (2, EMPTY)
    assert 'data-note="failed"' in answer.text


def test_titles_stay_with_those_who_may_open_the_deal(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", "2:6933")
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(TOM)
    portal.state.deals[6933]["ASSIGNED_BY_ID"] = str(ILYA)
    shown = ask(client, open_tab(client, portal, TOM, EMPTY), "/tab/history/").text
    assert "Deal 6933" in shown
    assert "Winter catalogue" not in shown


def test_history_stands_even_where_titles_cannot_be_read(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    bring(client, portal, tab, "1184", "2:6933")
    portal.misbehave("no_read", method="crm.deal.list")
    assert "No. 1184" in ask(client, tab, "/tab/history/").text


def test_another_portals_history_is_out_of_reach(
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


def test_the_trail_is_append_only(client: Client, portal: DemoPortal, tab: Page) -> None:
    bring(client, portal, tab, "1193")
    entry = AuditEntry.objects.get()
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnly):
            change()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(user_id=5)


def test_a_write_nobody_knows_of_is_written_down_as_such(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("reset", method="crm.orderentity.add", after=True)
    portal.misbehave("html", times=99, skip=1)
    submit(client, tab, "/tab/link/", {"order": f"{portal.order_id('1193')}|"})
    portal.calm()
    assert not AuditEntry.objects.get().certain
    assert "the change may not have been made" in ask(client, tab, "/tab/history/").text


def test_a_reader_sees_history_but_cannot_undo(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    change = bring(client, portal, tab, "1193")
    reader = open_tab(client, portal, MARIA, EMPTY)
    assert "No. 1193" in ask(client, reader, "/tab/history/").text
    assert 'data-note="failed"' in submit(client, reader, "/tab/undo/", {"change": change}).text
    assert portal.link_of(portal.order_id("1193")) == (2, EMPTY)
