"""Open tabs, as the app's server sees them."""

from b24app.live import watching
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import Portal
from testing.opening import MOCKUP, THREE

CARD, OTHER = Owner(DEAL, MOCKUP), Owner(DEAL, THREE)


class Tab:
    """An open tab of a card, which asks the app's server for changes."""

    def __init__(self, portal: Portal, owner: Owner, orders: list[int]) -> None:
        self.portal, self.owner = portal, owner
        watching.show(portal.pk, owner, orders)
        self.since, _ = watching.news(portal.pk, owner, watching.now())

    def stale(self) -> bool:
        self.since, changed = watching.news(self.portal.pk, self.owner, self.since)
        return changed
