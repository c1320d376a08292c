"""A renewal under way holds nobody up, and no pair of tokens is lost by it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.jobs import control
from b24app.portals import renewal
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, EMPTY, ILYA, ask, install, open_tab
from testing.waiting import HANG_SECONDS, until
from tests.jobs import driving
from tests.outgoing import Outgoing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ilya(client: Client, portal: DemoPortal) -> Iterator[DemoPortal]:
    install(client, portal)
    open_tab(client, portal, ILYA)
    portal.reset_counts()
    yield portal
    portal.let_refreshes_go()


def stored(user_id: int = ILYA) -> PortalUser:
    return PortalUser.objects.select_related("portal").get(user_id=user_id)


def call() -> object:
    return client_of(stored()).call("profile").result


@contextmanager
def suspended(portal: DemoPortal) -> Iterator[Callable[[], object]]:
    """Another process stands between the authorization server's refresh and storing the pair.

    Gives a function that lets it go on, and what its own request came to.
    """
    ended: list[object] = []

    def ask_for_it() -> None:
        try:
            ended.append(call())
        except errors.BitrixError as error:
            ended.append(error)
        finally:
            connections.close_all()

    def go_on() -> object:
        portal.let_refreshes_go()
        thread.join(HANG_SECONDS)
        assert not thread.is_alive()
        return ended[0]

    portal.expire_tokens()
    portal.hold_refreshes()
    thread = threading.Thread(target=ask_for_it, daemon=True)
    thread.start()
    until(lambda: portal.refreshes, "the authorization server is asked")
    try:
        yield go_on
    finally:
        go_on()


def lease_is_over(since: timedelta = renewal.LEASE) -> None:
    now = timezone.now()
    PortalUser.objects.filter(user_id=ILYA).update(
        renewing_until=now - timedelta(seconds=1), renewing_since=now - since
    )


def test_others_see_busy_while_suspended_process_renews(ilya: DemoPortal) -> None:
    with suspended(ilya) as go_on:
        with pytest.raises(errors.RenewalPending):
            call()
        assert (stored().tokens, ilya.refreshes) == ("live", 1)
        assert isinstance(go_on(), dict)
    assert isinstance(call(), dict)
    assert ilya.refreshes == 1


def test_refused_refresh_after_another_claim_does_not_end_access(ilya: DemoPortal) -> None:
    with suspended(ilya) as go_on:
        lease_is_over()
        with pytest.raises(errors.RenewalPending):
            call()
        assert stored().tokens == "live"
        assert isinstance(go_on(), dict)
    assert stored().refresh_token in ilya.state.refresh
    assert isinstance(call(), dict)


def test_refused_refresh_after_ten_minutes_ends_access_and_late_pair_is_stored(
    ilya: DemoPortal,
) -> None:
    with suspended(ilya) as go_on:
        lease_is_over(renewal.DOUBT)
        with pytest.raises(errors.DeadToken):
            call()
        assert stored().tokens == "dead"
        assert isinstance(go_on(), dict)
    assert stored().tokens == "live"
    assert isinstance(call(), dict)


def test_late_pair_does_not_replace_a_newer_one(ilya: DemoPortal) -> None:
    with suspended(ilya) as go_on:
        newer = ilya.open("DEFAULT", user_id=ILYA, entity_id=0).form["REFRESH_ID"]
        PortalUser.objects.filter(user_id=ILYA).update(
            refresh_token=newer, renewed_at=timezone.now()
        )
        go_on()
    assert stored().refresh_token in ilya.state.refresh
    assert isinstance(call(), dict)


def test_late_pair_does_not_restore_access_of_closed_portal(ilya: DemoPortal) -> None:
    with suspended(ilya) as go_on:
        PortalUser.objects.update(
            access_token="", refresh_token="", offered_token="", tokens=PortalUser.Tokens.DEAD
        )
        assert isinstance(go_on(), errors.DeadToken)
    assert (stored().tokens, stored().access_token) == ("dead", "")


def test_tab_uses_frame_token_while_renewal_is_pending(client: Client, ilya: DemoPortal) -> None:
    page = open_tab(client, ilya, ILYA)
    with suspended(ilya):
        busy = ask(client, page, "/tab/orders/")
        assert (busy.state, busy.response.status_code) == ("busy", 503)
        assert busy.response["X-Session-Expired"] == "1"
        form = dict(ilya.open("DEFAULT", user_id=ILYA, entity_id=0).form)
        fresh = ask(client, page, "/session/renew/", form, method="post")
        assert fresh.response.status_code == 200
        assert len(ask(client, page, "/tab/orders/").order_ids) == 9


def test_pending_renewal_does_not_delay_colleagues(client: Client, ilya: DemoPortal) -> None:
    with suspended(ilya):
        assert len(open_tab(client, ilya, ANNA).order_ids) == 9


def test_job_waits_for_pending_renewal_and_continues(client: Client, ilya: DemoPortal) -> None:
    desk = driving.sit_down(client, ilya, ILYA)
    job = desk.link([(ilya.order_id("1193"), EMPTY)])
    with suspended(ilya):
        control.start(job, may_move=True)
        driving.step(job)
        assert (job.state, job.reason) == ("waiting_portal", "renewing")
    assert driving.work(job).state == "done"
    assert ilya.link_of(ilya.order_id("1193")) == (2, EMPTY)


def test_request_inside_a_transaction_is_detected(outgoing: Outgoing, ilya: DemoPortal) -> None:
    """The guard over all tests sees what it is there for."""
    call()
    assert outgoing.inside_transactions == []
    with transaction.atomic():
        call()
    assert outgoing.inside_transactions == [f"{ilya.url}/rest/profile"]
    outgoing.inside_transactions.clear()
