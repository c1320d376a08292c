"""Responsible person, comment and cancellation, changed from the row of an order."""

import pytest
from django.test import Client

from b24app.changes.outcomes import Change
from b24app.changes.properties import STATUS
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders.types import Owner
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ILYA, MARIA, MOCKUP, TOM, Page, ask, install, open_tab, submit

pytestmark = pytest.mark.django_db

UPDATE = "sale.order.update"


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    Portal.objects.update(allow_cancel=True)
    return open_tab(client, portal, ILYA, MOCKUP)


def row(portal: DemoPortal, number: str) -> dict[str, object]:
    return portal.state.orders[portal.order_id(number)]


def written(portal: DemoPortal) -> int:
    return [call.method for call in portal.calls].count(UPDATE)


def undo(client: Client, tab: Page, answer: Page) -> Page:
    offered = answer.toast["undo"]
    assert isinstance(offered, dict)
    return submit(client, tab, offered["url"], offered["values"])


def entry() -> tuple[str, str, str]:
    found = AuditEntry.objects.latest("pk")
    return (found.kind, *found.values)


def test_the_menu_of_statuses_says_what_follows(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    assert "may notify the client" in tab.text
    assert tab.text.count("data-cancels") == 1
    assert 'data-status-to="X" data-cancels' in tab.text


def test_a_responsible_person_changes_and_comes_back(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    before = row(portal, "1201")["responsibleId"]
    form = {"order": portal.order_id("1201"), "seen": before, "to": TOM}
    answer = submit(client, tab, "/tab/responsible/", form)
    assert answer.toast["text"] == "Responsible person of No. 1201 changed"
    assert row(portal, "1201")["responsibleId"] == TOM
    assert entry() == ("responsible", str(before), str(TOM))
    shown = ask(client, tab, "/tab/history/").text
    assert "Tom Becker" in shown
    undo(client, tab, answer)
    assert row(portal, "1201")["responsibleId"] == before


def test_a_responsible_person_changed_meanwhile_stays(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    row(portal, "1201")["responsibleId"] = MARIA
    form = {"order": portal.order_id("1201"), "seen": ILYA, "to": TOM}
    answer = submit(client, tab, "/tab/responsible/", form)
    assert row(portal, "1201")["responsibleId"] == MARIA
    assert 'data-note="conflict"' in answer.text
    assert not AuditEntry.objects.exists()


def test_a_long_comment_is_undone_word_for_word(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order, old = portal.order_id("1201"), "Call first.\n" + "Second entrance. " * 20 + "end"
    row(portal, "1201")["comments"] = old
    asked = ask(client, tab, f"/tab/comment/edit/?order={order}")
    assert "Second entrance" in asked.text
    form = {"order": f"{order}|", "seen": old.replace("\n", "\r\n"), "text": "Send by post"}
    answer = submit(client, tab, "/tab/comment/", form)
    assert row(portal, "1201")["comments"] == "Send by post"
    assert entry() == ("comment", old, "Send by post")
    assert "Call first. Second entrance" in ask(client, tab, "/tab/history/").text
    undo(client, tab, answer)
    assert row(portal, "1201")["comments"] == old


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ring\x00\x01 twice\x1b[31m\x9f", "Ring twice[31m"),
        ("<b>Ring</b>\r\n\ttwice & <script>", "<b>Ring</b>\n\ttwice & <script>"),
        ("\u202eRing \U0001f514", "\u202eRing \U0001f514"),
    ],
)
def test_control_characters_do_not_reach_the_portal(
    client: Client, portal: DemoPortal, tab: Page, typed: str, kept: str
) -> None:
    form = {"order": f"{portal.order_id('1201')}|", "seen": "", "text": typed}
    answer = submit(client, tab, "/tab/comment/", form)
    assert row(portal, "1201")["comments"] == kept
    assert entry() == ("comment", "", kept)
    assert "<script>" not in ask(client, tab, "/tab/history/").text
    undo(client, tab, answer)
    assert row(portal, "1201")["comments"] == ""


def test_a_comment_of_an_order_elsewhere_is_not_shown(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1184")
    row(portal, "1184")["comments"] = "secret"
    asked = ask(client, tab, f"/tab/comment/edit/?order={order}")
    assert asked.response.status_code == 403
    assert "secret" not in asked.text
    form = {"order": f"{order}|", "seen": "secret", "text": "mine"}
    answer = submit(client, tab, "/tab/comment/", form)
    assert row(portal, "1184")["comments"] == "secret"
    assert 'data-note="conflict"' in answer.text


def test_an_order_is_cancelled_with_a_reason_and_restored(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1201")
    assert 'name="reason"' in ask(client, tab, f"/tab/cancel/confirm/?order={order}").text
    form = {"order": f"{order}|", "to": "Y", "reason": "Out of stock"}
    answer = submit(client, tab, "/tab/cancel/", form)
    assert answer.toast["text"] == "No. 1201 cancelled"
    now = row(portal, "1201")
    assert (now["canceled"], now["reasonCanceled"], now["statusId"]) == ("Y", "Out of stock", "N")
    sent = [call.params for call in portal.calls if call.method == UPDATE]
    assert "statusId" not in str(sent)
    assert entry() == ("cancelled", "N", "Y Out of stock")
    assert "cancelled: Out of stock" in ask(client, tab, "/tab/history/").text
    asked = ask(client, tab, f"/tab/cancel/confirm/?order={order}").text
    assert "Out of stock" in asked
    assert "reservations may not come back" in asked
    undo(client, tab, answer)
    assert row(portal, "1201")["canceled"] == "N"


@pytest.mark.parametrize(
    ("number", "words"),
    [("1188", "Payment Bank transfer: €2,480.00 is paid"), ("1181", "Shipment Example Freight is")],
)
def test_the_dialog_names_what_stands_in_the_way(
    client: Client, portal: DemoPortal, tab: Page, number: str, words: str
) -> None:
    order = portal.order_id(number)
    asked = ask(client, tab, f"/tab/cancel/confirm/?order={order}").text
    assert words in asked
    assert 'name="reason"' not in asked
    form = {"order": f"{order}|", "to": "Y", "reason": ""}
    answer = submit(client, tab, "/tab/cancel/", form)
    assert row(portal, number)["canceled"] == "N"
    assert "It has a payment that is paid" in answer.text
    assert not AuditEntry.objects.exists()


def test_cancelling_is_off_until_it_is_allowed(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    Portal.objects.update(allow_cancel=False)
    order = portal.order_id("1201")
    assert "data-not-allowed" in ask(client, tab, f"/tab/cancel/confirm/?order={order}").text
    portal.reset_counts()
    answer = submit(client, tab, "/tab/cancel/", {"order": f"{order}|", "to": "Y"})
    assert 'data-note="failed"' in answer.text
    assert written(portal) == 0


def test_a_failure_status_is_never_set_from_the_tab(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    held = f"{portal.order_id('1201')}|N"
    answer = submit(client, tab, "/tab/status/", {"held": held, "to": "X"})
    assert answer.response.status_code == 400
    assert row(portal, "1201")["statusId"] == "N"
    asked = submit(
        client,
        tab,
        "/tab/status/confirm/",
        {"order": held.split("|", maxsplit=1)[0] + "|", "held": held},
    )
    assert 'value="AW"' in asked.text
    assert 'value="X"' not in asked.text


def test_the_status_of_an_order_that_was_cancelled_meanwhile_stays(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    row(portal, "1201")["canceled"] = "Y"
    held = f"{portal.order_id('1201')}|N"
    answer = submit(client, tab, "/tab/status/", {"held": held, "to": "AW"})
    assert (row(portal, "1201")["statusId"], row(portal, "1201")["canceled"]) == ("N", "Y")
    assert "The order is cancelled" in answer.text


def test_no_undo_brings_a_failure_status_back(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    person = PortalUser.objects.get(user_id=ILYA)
    changed = Change(portal.order_id("1201"), "X", "N")
    item = audit.of_change(STATUS, changed, card=Owner(2, MOCKUP))
    audit.record(person, AuditEntry.Through.JOB, [item])
    entry = AuditEntry.objects.get()
    assert submit(client, tab, "/tab/undo/", {"entry": entry.pk}).response.status_code == 400
    assert row(portal, "1201")["statusId"] == "N"


def test_a_cancellation_is_not_undone_where_it_is_not_allowed_any_more(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    form = {"order": f"{portal.order_id('1201')}|", "to": "Y"}
    answer = submit(client, tab, "/tab/cancel/", form)
    Portal.objects.update(allow_cancel=False)
    assert 'data-note="failed"' in undo(client, tab, answer).text
    assert row(portal, "1201")["canceled"] == "Y"


@pytest.mark.parametrize("fault", ["cut", "reset", "html"])
def test_a_lost_answer_to_a_cancellation_is_read_back(
    client: Client, portal: DemoPortal, tab: Page, fault: str
) -> None:
    portal.misbehave(fault, method=UPDATE, after=True)
    portal.reset_counts()
    submit(client, tab, "/tab/cancel/", {"order": f"{portal.order_id('1201')}|", "to": "Y"})
    assert row(portal, "1201")["canceled"] == "Y"
    assert written(portal) == 1
    assert AuditEntry.objects.get().certain


@pytest.mark.parametrize("path", ["/tab/responsible/", "/tab/comment/", "/tab/cancel/"])
def test_a_reader_changes_nothing_and_the_app_does_not_act_for_them(
    client: Client, portal: DemoPortal, tab: Page, path: str
) -> None:
    Portal.objects.update(named=[{"id": "U5", "name": "Maria"}])
    page = open_tab(client, portal, MARIA, MOCKUP)
    before = dict(row(portal, "1201"))
    seen = before["responsibleId"] if path == "/tab/responsible/" else before["comments"]
    to = "Y" if path == "/tab/cancel/" else TOM
    form = {"order": portal.order_id("1201"), "seen": seen, "to": to, "text": "Mine"}
    answer = submit(client, page, path, form)
    assert row(portal, "1201") == before
    assert "you need permission to change orders" in answer.text
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/tab/responsible/", {}),
        ("/tab/responsible/", {"order": "5", "seen": "1", "to": "0"}),
        ("/tab/comment/", {"text": "no order"}),
        ("/tab/comment/", {"order": "5", "text": "x" * 2001}),
        ("/tab/cancel/", {"order": "5", "to": "maybe"}),
        ("/tab/cancel/", {"order": "5", "to": "Y", "reason": "x" * 256}),
    ],
)
def test_bad_forms_make_no_request(
    client: Client, portal: DemoPortal, tab: Page, path: str, form: dict[str, str]
) -> None:
    portal.reset_counts()
    assert submit(client, tab, path, form).response.status_code == 400
    assert portal.http_requests == 0
