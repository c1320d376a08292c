"""Notes in the timelines: on both deals of a move, where the portal's admin wants them."""

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal
from b24app.tab.tasks import note
from demo.server import DemoPortal
from testing.opening import ANNA, EMPTY, ILYA, WINTER, install, open_invoice, open_tab, submit

pytestmark = pytest.mark.django_db


def move(client: Client, portal: DemoPortal) -> str:
    install(client, portal)
    page = open_tab(client, portal, ILYA, EMPTY)
    form = {
        "order": [f"{portal.order_id('1184')}|2:{WINTER}", f"{portal.order_id('1193')}|"],
        "move": "on",
    }
    submit(client, page, "/tab/link/", form)
    return str(AuditEntry.objects.latest("pk").change)


def comments(portal: DemoPortal) -> dict[str, str]:
    return {str(comment["ENTITY_ID"]): str(comment["COMMENT"]) for comment in portal.state.comments}


def test_both_deals_of_a_move_get_comment_by_the_person(client: Client, portal: DemoPortal) -> None:
    note(move(client, portal))
    texts = comments(portal)
    assert texts.keys() == {str(WINTER), str(EMPTY)}
    assert texts[str(WINTER)] == f"Orders moved to deal {EMPTY}: 1184"
    assert texts[str(EMPTY)].splitlines() == [
        "Orders moved here from deal 6933: 1184",
        "Orders linked: 1193",
    ]
    assert {call.user_id for call in portal.calls if "comment" in call.method} == {ILYA}


def test_comments_use_the_configured_language(client: Client, portal: DemoPortal) -> None:
    change = move(client, portal)
    Portal.objects.update(notes_language="de")
    note(change)
    assert "1184" in comments(portal)[str(WINTER)]
    assert "Orders" not in comments(portal)[str(WINTER)]


@pytest.mark.parametrize("wanted", [True, False])
def test_comments_are_written_only_if_enabled(
    client: Client, portal: DemoPortal, wanted: bool, django_capture_on_commit_callbacks: object
) -> None:
    install(client, portal)
    Portal.objects.update(notes=wanted)
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        move(client, portal)
    assert bool(callbacks) is wanted


def test_invoice_gets_comments(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    page = open_invoice(client, portal, ILYA)
    submit(client, page, "/tab/unlink/", {"order": f"{portal.order_id('1163')}|"})
    note(str(AuditEntry.objects.get().change))
    assert portal.state.comments[0]["ENTITY_TYPE"] == "dynamic_31"


@pytest.mark.parametrize("fault", ["html", "no_scope", "portal_deleted"])
def test_refused_comments_are_not_retried(client: Client, portal: DemoPortal, fault: str) -> None:
    change = move(client, portal)
    portal.misbehave(fault, times=20)
    note(change)
    portal.calm()
    assert comments(portal) == {}
    assert portal.link_of(portal.order_id("1184")) == (2, EMPTY)


def test_text_from_the_portal_is_no_reference(client: Client, portal: DemoPortal) -> None:
    portal.state.orders[portal.order_id("1184")]["accountNumber"] = "$result[note0]"
    install(client, portal)
    order = next(
        pk for pk, row in portal.state.orders.items() if row["accountNumber"] == "$result[note0]"
    )
    page = open_tab(client, portal, ANNA, WINTER)
    submit(client, page, "/tab/unlink/", {"order": f"{order}|"})
    note(str(AuditEntry.objects.get().change))
    assert comments(portal)[str(WINTER)] == "Orders unlinked: result[note0]"
