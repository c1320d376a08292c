"""An uninstall that never was: who may make us forget a portal, and who may not."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from b24app.events import uninstall
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, ILYA, MARIA, install, open_tab
from tests.events.posting import post, work
from tests.install.everywhere import counts, fill, lasting
from tests.install.lives import Deliveries, finish, open_main, stored

pytestmark = pytest.mark.django_db(transaction=True)

UNINSTALL = "ONAPPUNINSTALL"


def everybody_loses_access(portal: DemoPortal) -> None:
    portal.kill_tokens()
    PortalUser.objects.update(tokens=PortalUser.Tokens.DEAD)


def later(minutes: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        work()


@pytest.mark.parametrize("clean", ["0", "1"])
def test_forged_uninstall_changes_nothing(
    client: Client, installed: DemoPortal, neighbour: DemoPortal, clean: str
) -> None:
    mine = Portal.objects.get(member_id=installed.member_id)
    before = lasting(mine.pk)
    data = {"[CLEAN]": clean}
    for token in ("", "0" * 32, neighbour.state.app.application_token):
        forged = {"application_token": token}
        assert post(client, installed, "ONAPPUNINSTALL", data, forged) == 403
    assert lasting(mine.pk) == before
    # The right token, which every employee can see, while our access works.
    assert post(client, installed, "ONAPPUNINSTALL", data) == 204
    work()
    assert lasting(mine.pk) == before | {"events_inboxevent": before["events_inboxevent"] + 1}
    assert Portal.objects.installed().filter(pk=mine.pk).exists()
    assert len(open_tab(client, installed).order_ids) == 9


def test_forged_uninstall_is_ignored_for_dismissed_installer(
    client: Client, installed: DemoPortal
) -> None:
    open_tab(client, installed, user_id=MARIA)
    installed.dismiss(ANNA)
    assert post(client, installed, "ONAPPUNINSTALL", {"[CLEAN]": "1"}) == 204
    work()
    assert stored().uninstalled_at is None
    assert len(open_tab(client, installed, user_id=MARIA).order_ids) == 9


def test_uninstall_is_ignored_while_only_the_subscription_has_ended(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    installed.end_subscription()
    events()
    assert post(client, installed, "ONAPPUNINSTALL", {"[CLEAN]": "1"}) == 204
    work()
    assert stored().uninstalled_at is None


@pytest.mark.parametrize("clean", ["0", "1"])
def test_uninstall_without_token_is_refused_even_if_all_access_is_dead(
    client: Client, installed: DemoPortal, neighbour: DemoPortal, clean: str
) -> None:
    mine = Portal.objects.get(member_id=installed.member_id)
    fill(mine)
    everybody_loses_access(installed)
    before = counts(mine.pk)
    theirs = neighbour.state.app.application_token
    for token in ("", "0" * 32, theirs, installed.state.app.application_token[:-1]):
        auth = {"application_token": token}
        assert post(client, installed, UNINSTALL, {"[CLEAN]": clean}, auth) == 403
    later(60)
    assert counts(mine.pk) == before
    assert Portal.objects.installed().filter(pk=mine.pk).exists()


@pytest.mark.parametrize("thief", ["another app", "an employee", "nobody", "another portal"])
def test_forged_first_application_token_is_refused(
    client: Client, installed: DemoPortal, neighbour: DemoPortal, thief: str
) -> None:
    mine = Portal.objects.get(member_id=installed.member_id)
    true = mine.application_token
    token = {
        "another app": lambda: installed.token_of_another_app(ANNA),
        "an employee": lambda: installed.state.tokens_for(ILYA)[0],
        "nobody": lambda: "f" * 32,
        "another portal": lambda: neighbour.state.tokens_for(ANNA)[0],
    }[thief]()
    mine_now = {"application_token": "x" * 32, "access_token": token}
    for name in ("ONAPPINSTALL", "ONAPPUPDATE"):
        post(client, installed, name, {"[VERSION]": "2"}, mine_now)
    work()
    assert Portal.objects.get(pk=mine.pk).application_token == true
    everybody_loses_access(installed)
    claimed = {"application_token": "x" * 32}
    assert post(client, installed, UNINSTALL, {"[CLEAN]": "1"}, claimed) == 403
    work()
    assert Portal.objects.installed().filter(pk=mine.pk).exists()
    # And the portal's own people are not shut out.
    assert len(open_tab(client, installed, user_id=MARIA).order_ids) == 9


@pytest.mark.parametrize("name", ["ONAPPUNINSTALL", "ONAPPSUNINSTALL"])
def test_uninstall_with_valid_token_and_no_access_is_accepted(
    client: Client, installed: DemoPortal, name: str
) -> None:
    everybody_loses_access(installed)
    assert post(client, installed, name, {"[CLEAN]": "1"}) == 204
    work()
    assert not Portal.objects.exists()


def test_access_that_ends_after_the_event_is_checked_again(
    client: Client, installed: DemoPortal
) -> None:
    assert post(client, installed, UNINSTALL, {"[CLEAN]": "1"}) == 204
    work()
    assert Portal.objects.installed().exists()
    installed.kill_tokens()
    later(2)
    assert not Portal.objects.exists()


def test_doubtful_uninstall_is_checked_three_times(client: Client, installed: DemoPortal) -> None:
    installed.reset_counts()
    assert post(client, installed, UNINSTALL, {"[CLEAN]": "1"}) == 204
    work()
    for minutes in (2, 5, 60, 600):
        later(minutes)
    assert [call.method for call in installed.calls] == ["app.info"] * 3
    installed.kill_tokens()
    later(700)
    assert Portal.objects.installed().exists()


def test_temporarily_closed_portal_is_no_proof_of_uninstall(
    client: Client, installed: DemoPortal
) -> None:
    installed.misbehave("https_required", times=50)
    assert post(client, installed, UNINSTALL, {"[CLEAN]": "1"}) == 204
    work()
    assert stored().uninstalled_at is None
    installed.calm()
    later(5)
    assert stored().uninstalled_at is None


@pytest.mark.parametrize("clean", ["0", "1"])
def test_uninstall_is_refused_if_no_application_token_is_stored(
    client: Client, served: DemoPortal, events: Deliveries, clean: str
) -> None:
    """An older kernel whose ONAPPINSTALL never came."""
    served.grow_old()
    install(client, served)
    fill(stored())
    before = counts(stored().pk)
    assert stored().application_token == ""
    everybody_loses_access(served)
    for token in ("", "None", served.state.app.application_token):
        auth = {"application_token": token}
        assert post(client, served, UNINSTALL, {"[CLEAN]": clean}, auth) == 403
    later(60)
    assert counts(stored().pk) == before
    # What then: the app is installed again and removed, or the operator erases.
    served.grow_old(old=False)
    finish(client, served, events)
    served.lifecycle.uninstall(clean=True)
    assert events() == [(UNINSTALL, 204)]
    assert not Portal.objects.exists()


def test_opening_by_administrator_stores_missing_application_token(
    client: Client, served: DemoPortal, events: Deliveries
) -> None:
    served.grow_old()
    install(client, served)
    served.grow_old(old=False)
    open_tab(client, served, user_id=ILYA)
    assert stored().application_token == ""
    open_main(client, served)
    assert stored().application_token == served.state.app.application_token
    served.lifecycle.uninstall(clean=False)
    assert events() == [(UNINSTALL, 204)]
    assert stored().uninstalled_at is not None


def test_operator_erases_portal_without_uninstall_event(
    client: Client, installed: DemoPortal
) -> None:
    pk = stored().pk
    fill(stored())
    call_command("portals", "erase", installed.member_id, "--yes")
    assert set(counts(pk).values()) == {0}


@pytest.mark.parametrize("clean", [False, True])
def test_reinstallation_before_erasing_keeps_data(
    client: Client, installed: DemoPortal, clean: bool
) -> None:
    proved = datetime.now(UTC)
    install(client, installed)
    mine = stored()
    before = lasting(mine.pk)
    assert not uninstall.leave(mine, clean=clean, proved=proved)
    assert lasting(mine.pk) == before
    assert len(open_tab(client, installed).order_ids) == 9
