"""Ready reports: orders without a deal, and links to a deal that was deleted.

Neither can be asked of the portal in one call, so each is looked through in steps of two or three
requests: 500 rows in the first, so that something is seen at once, 1,500 in those that follow. The page
goes on by itself until enough is found or somebody stops it, behind everybody's clicks
(:class:`Priority.BULK`), and can continue later from there.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from b24app.bitrix24 import filters
from b24app.bitrix24.client import Client
from b24app.bitrix24.filters import Filter, Op
from b24app.console import pages
from b24app.console.link_descriptions import Described
from b24app.orders import cards, links, scan
from b24app.orders.types import OrderLink
from b24app.portals.models import PortalUser

PAGES_AFTERWARDS = 30
MIN_SECONDS = 5
# Rows found after which the page waits for somebody to ask for more.
ROWS_PER_RUN = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a report has come: the order it goes on below (0: from the top), and counts so far.

    ``top`` is the first order it has looked at; what has come since is above it.

    ``total`` is what the portal said at the beginning, None where it said nothing. The run that is
    under way began at ``began`` (seconds since 1970), with ``base`` rows looked at and ``seen`` found.
    """

    below: int = 0
    top: int = 0
    looked: int = 0
    found: int = 0
    total: int | None = None
    began: int = 0
    base: int = 0
    seen: int = 0

    @property
    def query(self) -> str:
        """The report from here on."""
        return urlencode({name: item for name, item in asdict(self).items() if item is not None})

    @property
    def restart_query(self) -> str:
        """The same, as a run of its own."""
        return replace(self, began=0).query

    @property
    def bounds(self) -> str:
        """Conditions on links that hold for what was looked at so far, for a job over what was found."""
        ends = ((Op.LESS_OR_EQUAL, self.top), (Op.GREATER_OR_EQUAL, self.below))
        return filters.written([Filter("orderId", op, order_id) for op, order_id in ends])

    @property
    def minutes(self) -> int:
        """How long the rest will take at the speed of this run; 0 where nobody can say yet."""
        gone, done = time.time() - self.began, self.looked - self.base
        if self.total is None or gone < MIN_SECONDS or done <= 0:
            return 0
        return math.ceil(gone * max(self.total - self.looked, 0) / done / 60)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found, and how far the report has come."""

    rows: tuple[Described, ...]
    progress: Progress
    finished: bool

    @property
    def running(self) -> bool:
        """Whether the page continues by itself."""
        return not self.finished and self.progress.found - self.progress.seen < ROWS_PER_RUN


def begun(before: Progress) -> Progress:
    """The progress with the run it belongs to: one that begins here, or the one under way."""
    if before.began:
        return before
    return replace(before, began=int(time.time()), base=before.looked, seen=before.found)


def without_deal(user: PortalUser, client: Client, before: Progress) -> Step:
    """Orders that are linked to nothing. Raises what keeps orders or links from being read."""
    piece = client.answer(scan.orders_below(before.below, _pages(before)))
    owners = client.answer(links.owners_of(order.id for order in piece.rows))
    rows = [Described(row.id, None, row) for row in piece.rows if owners[row.id] is None]
    total = piece.total if not before.below else before.total
    return _step(before, total, [order.id for order in piece.rows], rows)


def without_owner(user: PortalUser, client: Client, before: Progress) -> Step:
    """Links whose deal or invoice the portal does not know.

    A card that is not shown proves that it is gone only to an administrator, so the portal is asked
    for that in the same request. Raises :class:`Refused` for anybody else.
    """
    piece = pages.recheck(user, client, scan.links_below([], before.below, _pages(before)))
    listed = client.answer(cards.cards_of(link.owner for link in piece.rows), strict=True)
    gone = listed.missing()
    rows = [_row(link) for link in piece.rows if link.owner in gone]
    total = piece.total if not before.below else before.total
    return _step(before, total, [link.order_id for link in piece.rows], rows)


def _pages(before: Progress) -> int:
    return PAGES_AFTERWARDS if before.below else scan.PAGES


def _row(link: OrderLink) -> Described:
    return Described(link.order_id, link.owner, gone=True)


def _step(
    before: Progress, total: int | None, ids: Sequence[int], rows: Sequence[Described]
) -> Step:
    looked = before.looked + len(ids)
    progress = replace(
        before,
        below=ids[-1] if ids else 0,
        top=before.top or max(ids, default=0),
        looked=looked,
        found=before.found + len(rows),
        total=total,
    )
    # A page that came back short may also be a reference that led nowhere: the total decides.
    finished = not ids or (total is not None and looked >= total)
    return Step(tuple(rows), progress, finished)
