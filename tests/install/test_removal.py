"""When a reported removal of the app is believed: by whose word, and after how long."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.conf import LazySettings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from b24app.install.removal import Refresh, Verdict, Word, decide
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, ILYA, MARIA, NINA, ask, open_tab
from tests.events.posting import post, work
from tests.install.everywhere import counts, fill, lasting
from tests.install.lives import Deliveries, open_main, stored

pytestmark = pytest.mark.django_db(transaction=True)

UNINSTALL = "ONAPPUNINSTALL"
CLEAN = {"[CLEAN]": "1"}
SILENCES = ["closed", "overloaded", "plan_ended", "market_ended"]
MINUTE, DAY, DAYS = timedelta(minutes=1), timedelta(days=1), timedelta(hours=48)


@pytest.mark.parametrize(
    ("word", "refresh", "waited", "verdict"),
    [
        (Word.WORKS, Refresh.NOT_ASKED, timedelta(0), Verdict.INSTALLED),
        (Word.WORKS, Refresh.REFUSED, DAYS, Verdict.INSTALLED),
        (Word.UNKNOWN, Refresh.REFUSED, timedelta(0), Verdict.REMOVED),
        (Word.UNKNOWN, Refresh.NOBODY, timedelta(0), Verdict.REMOVED),
        (Word.UNKNOWN, Refresh.GRANTED, timedelta(0), Verdict.OPEN),
        (Word.UNKNOWN, Refresh.GRANTED, 9 * DAY, Verdict.OPEN),
        (Word.UNKNOWN, Refresh.SILENT, timedelta(0), Verdict.OPEN),
        (Word.UNKNOWN, Refresh.SILENT, 9 * DAY, Verdict.OPEN),
        (Word.NONE, Refresh.NOT_ASKED, timedelta(0), Verdict.OPEN),
        (Word.NONE, Refresh.REFUSED, DAYS - MINUTE, Verdict.OPEN),
        (Word.NONE, Refresh.REFUSED, DAYS, Verdict.REMOVED),
        (Word.NONE, Refresh.GRANTED, 9 * DAY, Verdict.OPEN),
        (Word.NONE, Refresh.SILENT, 9 * DAY, Verdict.OPEN),
        (Word.NONE, Refresh.NOBODY, 9 * DAY, Verdict.OPEN),
    ],
)
def test_removal_decision_from_both_answers(
    word: Word, refresh: Refresh, waited: timedelta, verdict: Verdict
) -> None:
    assert decide(word, refresh, waited=waited) is verdict


def pass_time(*, hours: float, step_hours: float = 2) -> None:
    """The sweeps of so many hours, one every ``step_hours``; then the clock goes on from there."""
    began, passed = datetime.now(UTC), 0.0
    while passed < hours:
        passed = min(passed + step_hours, hours)
        with time_machine.travel(began + timedelta(hours=passed)):
            work()


def report(client: Client, portal: DemoPortal) -> None:
    assert post(client, portal, UNINSTALL, CLEAN) == 204
    work()


def remove_silently(portal: DemoPortal) -> None:
    """The app is removed, and all the portal has to tell of it is the event that the test posts."""
    auth = portal.state.app.application_token
    portal.state.events.clear()
    portal.lifecycle.uninstall(clean=True)
    portal.state.app.application_token = auth


@pytest.fixture
def lived_in(client: Client, installed: DemoPortal) -> DemoPortal:
    """A portal with rows in every table, whose installer and one other have access."""
    open_tab(client, installed, user_id=MARIA)
    fill(stored())
    installed.reset_counts()
    return installed


@pytest.mark.parametrize("other_edition", [False, True])
@pytest.mark.parametrize("condition", SILENCES)
def test_forged_uninstall_erases_nothing_while_portal_answer_is_inconclusive(
    client: Client, lived_in: DemoPortal, condition: str, other_edition: bool
) -> None:
    before = lasting(stored().pk)
    lived_in.enter(condition, other_edition=other_edition)
    report(client, lived_in)
    pass_time(hours=40)
    after = lasting(stored().pk)
    assert after == before | {"events_inboxevent": after["events_inboxevent"]}
    assert lived_in.refreshes == 0
    assert set(PortalUser.objects.values_list("tokens", flat=True)) == {"live"}


@pytest.mark.parametrize("fault", ["html", "cut", "too_many", "https_required", "redirect"])
def test_forged_uninstall_erases_nothing_while_the_portal_does_not_answer(
    client: Client, lived_in: DemoPortal, fault: str
) -> None:
    before = counts(stored().pk)["portals_portaluser"]
    lived_in.misbehave(fault, times=100_000)
    report(client, lived_in)
    pass_time(hours=50, step_hours=25)
    assert counts(stored().pk)["portals_portaluser"] == before
    lived_in.calm()
    lived_in.rest.limits.reset()
    assert len(open_tab(client, lived_in).order_ids) == 9


@pytest.mark.parametrize("condition", SILENCES)
def test_successful_refresh_after_48_hours_keeps_data_and_is_stored(
    client: Client, lived_in: DemoPortal, condition: str
) -> None:
    before = lasting(stored().pk)["journal_auditentry"]
    lived_in.enter(condition)
    report(client, lived_in)
    pass_time(hours=60)
    assert lasting(stored().pk)["journal_auditentry"] == before
    assert lived_in.refreshes > 1
    assert stored().removal_told_at is not None
    lived_in.calm()
    # What the budget holds of the overload is over as well.
    cache.clear()
    # Back from maintenance: the access that was kept works, and the report is not believed.
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=65)):
        work()
        assert stored().removal_told_at is None
    anna = PortalUser.objects.get(user_id=ANNA)
    assert anna.refresh_token in lived_in.state.refresh


@pytest.mark.parametrize("condition", SILENCES)
def test_real_uninstall_is_accepted_after_48_hours_without_portal_answer(
    client: Client, lived_in: DemoPortal, condition: str
) -> None:
    lived_in.enter(condition)
    remove_silently(lived_in)
    pk = stored().pk
    report(client, lived_in)
    pass_time(hours=47)
    assert Portal.objects.installed().filter(pk=pk).exists()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=53)):
        work()
    assert set(counts(pk).values()) == {0}


def test_nothing_is_erased_while_authorization_server_does_not_answer(
    client: Client, lived_in: DemoPortal
) -> None:
    pk = stored().pk
    remove_silently(lived_in)
    lived_in.silence_authorization_server()
    report(client, lived_in)
    pass_time(hours=100, step_hours=10)
    assert Portal.objects.installed().filter(pk=pk).exists()
    lived_in.calm()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=110)):
        work()
    assert set(counts(pk).values()) == {0}


def test_wrong_client_secret_erases_nothing(
    client: Client, lived_in: DemoPortal, settings: LazySettings
) -> None:
    remove_silently(lived_in)
    settings.B24_CLIENT_SECRET = "mistyped"
    report(client, lived_in)
    pass_time(hours=60, step_hours=10)
    assert Portal.objects.installed().exists()


def test_unknown_tokens_erase_nothing_while_a_refresh_succeeds(
    client: Client, lived_in: DemoPortal
) -> None:
    lived_in.state.access.clear()
    report(client, lived_in)
    assert stored().removal_told_at is not None
    # The pair that the refresh brought works: the next look says so.
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        work()
    assert stored().removal_told_at is None
    lived_in.rest.limits.reset()
    assert len(open_tab(client, lived_in).order_ids) == 9


def test_access_marked_as_dead_is_checked_before_erasing(
    client: Client, lived_in: DemoPortal
) -> None:
    PortalUser.objects.update(tokens=PortalUser.Tokens.DEAD)
    report(client, lived_in)
    assert stored().uninstalled_at is None
    lived_in.state.access.clear()
    pass_time(hours=1, step_hours=0.1)
    assert PortalUser.objects.get(user_id=ANNA).tokens == "live"
    assert Portal.objects.installed().exists()


def test_expired_access_is_renewed_before_portal_answer_counts(
    client: Client, lived_in: DemoPortal
) -> None:
    lived_in.expire_tokens()
    report(client, lived_in)
    assert stored().uninstalled_at is None
    assert stored().removal_told_at is None
    anna = PortalUser.objects.get(user_id=ANNA)
    assert anna.refresh_token in lived_in.state.refresh


def test_access_that_has_passed_on_to_a_system_user_is_no_removal(
    client: Client, lived_in: DemoPortal
) -> None:
    PortalUser.objects.exclude(user_id=ANNA).delete()
    lived_in.dismiss(ANNA, passed_on=True)
    lived_in.state.access.clear()
    report(client, lived_in)
    assert Portal.objects.installed().exists()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        work()
    assert stored().removal_told_at is None
    assert stored().installer_id != PortalUser.objects.get(user_id=ANNA).pk


def open_as_nina(client: Client, portal: DemoPortal) -> None:
    assert open_main(client, portal, NINA).response.status_code == 200


def open_as_ilya(client: Client, portal: DemoPortal) -> None:
    assert open_tab(client, portal, user_id=ILYA).response.status_code == 200


@pytest.mark.parametrize("opening", [open_as_nina, open_as_ilya])
def test_proven_opening_cancels_a_reported_removal(
    client: Client, lived_in: DemoPortal, opening: Callable[[Client, DemoPortal], None]
) -> None:
    lived_in.enter("closed")
    report(client, lived_in)
    assert stored().removal_told_at is not None
    lived_in.calm()
    opening(client, lived_in)
    assert stored().removal_told_at is None
    lived_in.kill_tokens()
    lived_in.enter("closed")
    pass_time(hours=60, step_hours=6)
    assert Portal.objects.installed().exists()


def test_unproven_opening_does_not_cancel_removal(client: Client, lived_in: DemoPortal) -> None:
    lived_in.enter("plan_ended")
    report(client, lived_in)
    told_at = stored().removal_told_at
    assert open_tab(client, lived_in).state == "plan"
    garbage = {"AUTH_ID": "f" * 32, "REFRESH_ID": "e" * 32}
    open_tab(client, lived_in, form=garbage)
    assert stored().removal_told_at == told_at is not None


def test_repeated_forged_uninstalls_are_merged_and_checked_with_pauses(
    client: Client, lived_in: DemoPortal
) -> None:
    lived_in.enter("closed")
    for _ in range(30):
        report(client, lived_in)
    assert lived_in.http_requests == 1
    pass_time(hours=48)
    assert lived_in.http_requests < 60


def test_keeping_and_erasing_uninstalls_are_both_stored(
    client: Client, lived_in: DemoPortal
) -> None:
    pk = stored().pk
    lived_in.enter("closed")
    assert post(client, lived_in, UNINSTALL, {"[CLEAN]": "0"}) == 204
    work()
    report(client, lived_in)
    lived_in.calm()
    lived_in.kill_tokens()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3)):
        work()
    assert set(counts(pk).values()) == {0}


def test_uninstall_confirmed_by_both_answers_is_carried_out_at_once(
    client: Client, lived_in: DemoPortal, neighbour: DemoPortal, events: Deliveries
) -> None:
    pk = Portal.objects.get(member_id=lived_in.member_id).pk
    theirs = Portal.objects.get(member_id=neighbour.member_id)
    kept = counts(theirs.pk)
    lived_in.lifecycle.uninstall(clean=True)
    assert events() == [(UNINSTALL, 204)]
    assert set(counts(pk).values()) == {0}
    assert counts(theirs.pk) == kept


def test_console_and_operator_see_unconfirmed_removal(client: Client, lived_in: DemoPortal) -> None:
    page = open_main(client, lived_in)
    lived_in.enter("closed")
    report(client, lived_in)
    shown = ask(client, page, reverse("console-overview")).text
    assert 'data-note="removal"' in shown
    assert "all data of this Bitrix24 is erased" in shown
    with pytest.raises(CommandError):
        call_command("portals", "health", lived_in.member_id, stdout=(output := StringIO()))
    assert "removal reported" in output.getvalue()
    lived_in.calm()
    assert 'data-note="removal"' not in open_main(client, lived_in).text


def test_application_token_is_accepted_without_a_plan(
    client: Client, installed: DemoPortal, events: Deliveries
) -> None:
    installed.enter("plan_ended")
    installed.lifecycle.update()
    events()
    assert stored().application_token != installed.state.app.application_token
    installed.calm()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
        work()
    assert stored().application_token == installed.state.app.application_token
