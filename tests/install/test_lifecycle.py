"""A portal's whole life with the app: events really travel from the demo portal to our server."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from b24app import upkeep
from b24app.bitrix24 import errors
from b24app.connect import client_of, installer_client
from b24app.portals import tasks
from b24app.portals.bindings import EVENTS
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, ILYA, MARIA, MOCKUP, NINA, ask, install, open_tab, submit
from tests.events.posting import post, work
from tests.install.everywhere import counts, fill, lasting, owned
from tests.install.lives import Deliveries, connected, finish, installer_id, open_main, stored

pytestmark = pytest.mark.django_db(transaction=True)


# --- installed, again, updated ----------------------------------------------------------------


def test_installation_is_finished(client: Client, installed: DemoPortal) -> None:
    assert stored().application_token == installed.state.app.application_token
    assert connected(installed) == sorted(EVENTS)
    assert len(open_tab(client, installed).order_ids) == 9


def test_installation_over_existing_installation(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    pk, since = stored().pk, stored().installed_at
    fill(stored())
    before = lasting(pk)
    finish(client, installed, events, NINA)
    assert (stored().pk, stored().installed_at, installer_id()) == (pk, since, NINA)
    assert connected(installed) == sorted(EVENTS)
    kept = lasting(pk)
    assert all(kept[table] >= rows for table, rows in before.items())
    assert kept["portals_portaluser"] == before["portals_portaluser"] + 1


def test_update_rebinds_with_new_application_token(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    bound, old = sorted(map(str, installed.state.placements)), stored().application_token
    installed.lifecycle.update()
    assert (installed.state.placements, installed.state.events) == ([], [])
    assert events() == [("ONAPPUPDATE", 204)]
    assert stored().application_token == installed.state.app.application_token != old
    assert sorted(map(str, installed.state.placements)) == bound
    assert connected(installed) == sorted(EVENTS)
    # Tabs and events go on with the new token; the old one is worth nothing.
    assert len(open_tab(client, installed).order_ids) == 9
    assert post(client, installed, "ONAPPPAYMENT") == 204
    assert open_tab(client, installed, form={"APPLICATION_TOKEN": old}).state == "foreign"


def test_update_waits_for_unreachable_portal(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    installed.misbehave("redirect", times=50)
    installed.lifecycle.update()
    events()
    assert installed.state.events == []
    installed.calm()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
        work()
    assert connected(installed) == sorted(EVENTS)


@pytest.mark.parametrize("condition", ["closed", "plan_ended", "market_ended"])
def test_update_waits_for_portal_closed_for_days(
    client: Client, installed: DemoPortal, events: Deliveries, condition: str
) -> None:
    installed.enter(condition)
    installed.lifecycle.update()
    events()
    for hours in range(5, 100, 5):
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
            work()
    assert installed.state.events == []
    installed.calm()
    installed.rest.limits.reset()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=110)):
        work()
    assert connected(installed) == sorted(EVENTS)


# --- removed ----------------------------------------------------------------------------------


def test_uninstall_with_data_deletes_all_rows_of_that_portal_only(
    client: Client, installed: DemoPortal, neighbour: DemoPortal, events: Deliveries
) -> None:
    mine = Portal.objects.get(member_id=installed.member_id)
    theirs = Portal.objects.get(member_id=neighbour.member_id)
    for portal in (mine, theirs):
        fill(portal)
    assert len(owned()) >= 5
    assert min(counts(mine.pk).values()) >= 1
    kept = counts(theirs.pk)
    installed.lifecycle.uninstall(clean=True)
    assert events() == [("ONAPPUNINSTALL", 204)]
    assert set(counts(mine.pk).values()) == {0}
    assert counts(theirs.pk) == kept
    assert list(Portal.objects.all()) == [theirs]
    assert open_main(client, installed).state == "not-installed"


def test_uninstall_that_keeps_data_deletes_tokens(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    fill(stored())
    open_tab(client, installed, user_id=MARIA)
    before = lasting(stored().pk)
    installed.lifecycle.uninstall(clean=False)
    assert events() == [("ONAPPUNINSTALL", 204)]
    assert lasting(stored().pk) == before | {
        "events_inboxevent": before["events_inboxevent"] + 1,
        "automation_cursor": 0,
    }
    assert (stored().application_token, stored().uninstalled_at is None) == ("", False)
    for user in PortalUser.objects.all():
        assert (user.access_token, user.refresh_token, user.tokens) == ("", "", "dead")
    assert open_main(client, installed).state == "not-installed"


def test_reinstallation_finds_kept_data(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    fill(stored())
    pk, before, since = stored().pk, lasting(stored().pk), stored().installed_at
    installed.lifecycle.uninstall(clean=False)
    events()
    finish(client, installed, events)
    assert (stored().pk, stored().uninstalled_at, installer_id()) == (pk, None, ANNA)
    assert stored().installed_at > since
    after = lasting(pk)
    # Another inbox row: that of the new installation. Rules are off, so their scan has no position.
    assert after == before | {
        "events_inboxevent": before["events_inboxevent"] + 2,
        "automation_cursor": 0,
    }
    assert PortalUser.objects.get(user_id=ANNA).tokens == "live"
    assert len(open_tab(client, installed).order_ids) == 9
    assert connected(installed) == sorted(EVENTS)


def test_session_ends_with_the_installation(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    tab = open_tab(client, installed)
    installed.lifecycle.uninstall(clean=False)
    events()
    assert ask(client, tab, "/tab/orders/").response.status_code == 401


# --- paid for, and not ------------------------------------------------------------------------


def test_subscription_ends_and_is_renewed_with_the_app(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    tab = open_tab(client, installed)
    installed.end_subscription()
    assert events() == [("ONAPPPAYMENT", 204)]
    assert stored().payment_expired
    opened = open_tab(client, installed)
    assert (opened.state, opened.response.status_code) == ("payment", 402)
    # A tab that was open says so as well; nothing is even sent.
    installed.reset_counts()
    order = tab.order_ids[0]
    refused = submit(client, tab, "/tab/unlink/", {"order": f"{order}|"})
    assert (refused.state, refused.response.status_code) == ("payment", 402)
    assert installed.http_requests == 0
    installed.renew_subscription()
    assert events() == [("ONAPPPAYMENT", 204)]
    assert not stored().payment_expired
    assert len(open_tab(client, installed).order_ids) == 9


def test_expired_portal_that_answers_is_read_only(client: Client, installed: DemoPortal) -> None:
    installed.state.app.expired = True
    tab = open_tab(client, installed)
    assert len(tab.order_ids) == 9
    assert 'data-note="unpaid"' in tab.text
    order = tab.order_ids[0]
    for path in ("/tab/link/", "/tab/unlink/", "/tab/undo/"):
        refused = submit(client, tab, path, {"order": f"{order}|"})
        assert (refused.state, refused.response.status_code) == ("payment", 402)
    assert installed.link_of(order) == (2, MOCKUP)
    assert len(ask(client, tab, "/tab/orders/").order_ids) == 9
    installed.state.app.expired = False
    again = open_tab(client, installed)
    assert 'data-note="unpaid"' not in again.text
    submit(client, again, "/tab/unlink/", {"order": f"{order}|"})
    assert installed.link_of(order) is None


def test_payment_required_refresh_is_shown_and_ends_no_access(
    client: Client, installed: DemoPortal
) -> None:
    tab = open_tab(client, installed)
    installed.state.app.paid = False
    installed.expire_tokens()
    PortalUser.objects.update(expires_at=datetime.now(UTC))
    assert ask(client, tab, "/tab/orders/").state == "payment"
    assert stored().payment_expired
    assert PortalUser.objects.get().tokens == "live"


def test_unproven_payment_event_only_triggers_a_check(
    client: Client, installed: DemoPortal
) -> None:
    forged = {"application_token": "", "access_token": ""}
    for _ in range(5):
        data = {"[PAYMENT_EXPIRED]": "Y", "[STATUS]": "P"}
        assert post(client, installed, "ONAPPPAYMENT", data, forged) == 204
    work()
    assert not stored().payment_expired
    assert [call.method for call in installed.calls] == ["app.info"]


# --- moved, handed over, kept alive -----------------------------------------------------------


def test_portal_is_renamed_during_use(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    tab = open_tab(client, installed)
    installed.rename()
    order = tab.order_ids[0]
    assert submit(client, tab, "/tab/unlink/", {"order": f"{order}|"}).response.status_code == 200
    assert installed.link_of(order) is None
    assert stored().host == installed.domain
    opened = open_tab(client, installed)
    assert installed.domain in opened.response["Content-Security-Policy"]
    installed.rename()
    installed.lifecycle.update()
    events()
    assert (stored().host, connected(installed)) == (installed.domain, sorted(EVENTS))


@pytest.mark.parametrize("opening", ["main", "installer"])
def test_another_administrator_replaces_dismissed_installer(
    client: Client, installed: DemoPortal, opening: str
) -> None:
    installed.dismiss(ANNA)
    client_ = installer_client(stored())
    assert client_ is not None
    with pytest.raises(errors.DeadToken):
        client_.call("app.info")
    # People who are no administrators change nothing; their own tabs go on.
    open_main(client, installed, ILYA)
    assert len(open_tab(client, installed, user_id=ILYA).order_ids) == 9
    assert installer_id() == ANNA
    installed.state.events.clear()
    page = (
        open_main(client, installed, NINA)
        if opening == "main"
        else install(client, installed, NINA)
    )
    assert page.response.status_code == 200
    assert installer_id() == NINA
    assert connected(installed) == sorted(EVENTS)
    upkeep.check_payment(stored())


def test_administrator_does_not_replace_working_installer(
    client: Client, installed: DemoPortal
) -> None:
    open_main(client, installed, NINA)
    assert installer_id() == ANNA
    PortalUser.objects.filter(user_id=ANNA).update(expires_at=datetime.now(UTC))
    installed.misbehave("html", method="app.info", times=1)
    open_main(client, installed, NINA)
    assert installer_id() == ANNA


def test_access_of_dismissed_installer_may_pass_to_system_user(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    installed.dismiss(ANNA, passed_on=True)
    installed.expire_tokens()
    anna = PortalUser.objects.select_related("portal").get(user_id=ANNA)
    with pytest.raises(errors.DeadToken):
        client_of(anna).call("app.info")
    assert PortalUser.objects.get(user_id=ANNA).tokens == "dead"
    assert installer_id() not in (ANNA, NINA)
    installed.lifecycle.update()
    events()
    assert connected(installed) == sorted(EVENTS)


def test_tokens_act_only_as_their_owner(client: Client, installed: DemoPortal) -> None:
    tab = open_tab(client, installed, user_id=NINA)
    installed.dismiss(NINA, passed_on=True)
    installed.expire_tokens()
    assert ask(client, tab, "/tab/orders/").response.status_code == 401
    assert (installer_id(), PortalUser.objects.count()) == (ANNA, 2)


def test_refresh_token_is_used_before_its_180_days_end(
    client: Client, installed: DemoPortal
) -> None:
    open_tab(client, installed, user_id=MARIA)
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(days=169)):
        tasks.keep_alive()
        assert installed.refreshes == 0
    with time_machine.travel(now + timedelta(days=171)):
        tasks.keep_alive()
        tasks.keep_alive()
        assert installed.refreshes == 2
    with time_machine.travel(now + timedelta(days=340)):
        anna = PortalUser.objects.select_related("portal").get(user_id=ANNA)
        assert client_of(anna).call("profile").result


def test_refresh_token_past_180_days_is_not_tried(client: Client, installed: DemoPortal) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=181)):
        tasks.keep_alive()
    assert installed.refreshes == 0
    assert PortalUser.objects.get().tokens == "dead"


def test_failed_renewal_is_retried_the_next_day(client: Client, installed: DemoPortal) -> None:
    now = datetime.now(UTC)
    installed.state.app.paid = False
    with time_machine.travel(now + timedelta(days=171)):
        tasks.keep_alive()
    installed.state.app.paid = True
    assert PortalUser.objects.get().tokens == "live"
    with time_machine.travel(now + timedelta(days=172)):
        tasks.keep_alive()
    assert PortalUser.objects.get().renewed_at > now + timedelta(days=171)


# --- permissions and older portals ------------------------------------------------------------


@pytest.mark.parametrize("scope", ["crm", "sale"])
def test_permission_is_withdrawn_and_restored(
    client: Client, installed: DemoPortal, scope: str
) -> None:
    everything = list(installed.state.app.scope)
    tab = open_tab(client, installed)
    installed.state.app.scope = [text for text in everything if text != scope]
    assert open_tab(client, installed).state == "no-scope"
    assert ask(client, tab, "/tab/orders/").state == "no-scope"
    page = install(client, installed)
    assert 'data-step="permissions" data-done="no"' in page.text
    assert scope not in stored().scopes()
    installed.state.app.scope = everything
    again = submit(client, page, "/install/repeat/", {})
    assert 'data-install-state="done"' in again.text
    assert scope in stored().scopes()
    assert len(open_tab(client, installed).order_ids) == 9


def test_refresh_updates_permissions(client: Client, installed: DemoPortal) -> None:
    installed.state.app.scope = ["crm", "sale"]
    installed.expire_tokens()
    client_of(PortalUser.objects.select_related("portal").get()).call("profile")
    assert stored().scopes() == {"crm", "sale"}


def test_person_loses_access_to_the_app(client: Client, installed: DemoPortal) -> None:
    tab = open_tab(client, installed, user_id=ILYA)
    installed.misbehave("user_access", times=2)
    opened = open_tab(client, installed, user_id=ILYA)
    assert (opened.state, opened.response.status_code) == ("app-closed", 403)
    assert ask(client, tab, "/tab/orders/").state == "app-closed"
    assert len(ask(client, tab, "/tab/orders/").order_ids) == 9


def test_on_premise_portal_with_port_and_older_kernel(
    client: Client, served: DemoPortal, events: Deliveries
) -> None:
    served.grow_old()
    for method in ("app.info", "scope"):
        served.misbehave("gone", method=method, times=1000)
    page = install(client, served)
    assert 'data-install-state="done"' in page.text
    assert stored().application_token == ""
    # Without an application token nothing of the portal's is believed, until ONAPPINSTALL brings it.
    assert post(client, served, "ONCRMDEALUPDATE", {"[FIELDS][ID]": "1"}) == 403
    served.lifecycle.finish(ANNA)
    assert events() == [("ONAPPINSTALL", 204)]
    assert stored().application_token == served.state.app.application_token
    assert post(client, served, "ONCRMDEALUPDATE", {"[FIELDS][ID]": "1"}) == 204
    tab = open_tab(client, served)
    assert len(tab.order_ids) == 9
    assert f"frame-ancestors {served.url}" in tab.response["Content-Security-Policy"]
    order = tab.order_ids[0]
    submit(client, tab, "/tab/unlink/", {"order": f"{order}|"})
    assert served.link_of(order) is None
    served.lifecycle.uninstall(clean=False)
    events()
    assert stored().uninstalled_at is not None
