"""A portal with rules, and what happens there."""

from datetime import UTC, datetime, timedelta

from django.test import Client

from b24app.automation import catch_up, conditions, switching, trials, undoing, working
from b24app.automation.models import Arrival, Cursor, Entry, Rule
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from demo.trade import NewDeal
from testing.opening import ANNA, install

CLARA, DANIEL, PRIYA, VETROVA = 1, 2, 3, 4
HARBOUR = 2
"""Contacts and a company of the demo portal. Clara and Daniel work for the company."""

AT_ONCE = {"wait_minutes": 0}


def installed(client: Client, portal: DemoPortal) -> PortalUser:
    """The app installed by Anna; the portal without its seeded deals' clients."""
    install(client, portal)
    for deal in portal.state.deals.values():
        deal.update(CONTACT_ID="0", COMPANY_ID="0")
    portal.reset_counts()
    return PortalUser.objects.select_related("portal__installer__portal").get(user_id=ANNA)


def tried(rule: Rule, days: int = 30) -> trials.Result:
    """The rule after a dry run."""
    trial = trials.start(rule, days)
    while trials.run(trial.pk):
        pass
    return trials.result_of(trial)


def rule_on(user: PortalUser, name: str = "To the open deal", **chosen: object) -> Rule:
    """A rule that has been tried and switched on."""
    rule = switching.create(user, name, conditions.read({**AT_ONCE, **chosen}))
    tried(rule, 1)
    assert switching.switch_on(user, rule, insists=False) is None
    return rule


def deal_of(
    portal: DemoPortal, *contacts: int, days_ago: float = 5, company: int = 0, funnel: int = 0
) -> int:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    deal = NewDeal("Refit", contacts=contacts, at=at, company=company, funnel=funnel)
    return portal.open_deal(deal)


def catch_up_now(user: PortalUser) -> None:
    """Every scan that is due, as the beat would start them, and the rules after it."""
    Cursor.objects.update(due_at=datetime.now(UTC))
    while user.portal.pk in catch_up.due():
        assert catch_up.scan(user.portal)
    work(user)


def work(user: PortalUser) -> None:
    """Let the rules judge what is due."""
    while working.work(user.portal):
        pass


def undo_marked(user: PortalUser) -> None:
    while undoing.carry_on(user.portal):
        pass


def entry(order_id: int) -> Entry:
    return Entry.objects.get(order_id=order_id)


def states() -> dict[int, str]:
    """Arrivals by order."""
    return dict(Arrival.objects.values_list("order_id", "state"))


def portal_row() -> Portal:
    return Portal.objects.select_related("installer__portal").get()
