"""The preview: what will happen to every row, before anything is written.

A slice looks at 2,500 rows: their orders and places are 50 commands each, their cards at most 50
more, 50 commands a request; cards known from earlier rows are not asked for again. So 10,000 rows
cost 9 requests into 100 deals, and 12 into 10,000, plus one for whether the app may act for this
person where its administrator has named somebody. One more at the end asks for all that the rows
still lack: names of what orders are taken from, suggestions for orders that were not found, whether a
card is gone or closed.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from b24app import dictionaries
from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.ask import Ask, together
from b24app.changes.properties import is_cancelled, place_of
from b24app.connect import answer_in_background
from b24app.jobs import (
    doubtful_rows,
    job_clients,
    row_filters,
    row_names,
    row_options,
    row_sources,
    transitions,
    work,
)
from b24app.jobs.models import Job, JobItem
from b24app.jobs.worker_slots import WorkerSlot
from b24app.orders import cards, order_numbers, status
from b24app.orders.order_numbers import Page
from b24app.orders.types import Owner
from b24app.portals import access

ROWS = 2500
# Seconds that looking at a piece may take.
SECONDS = 60.0
# Seconds into a slice after which no further piece is begun.
BEGIN_BEFORE = 10.0
# Cards nobody could find that are asked about one by one: gone, or closed to this person?
MAX_ASKED = 20

S, V = JobItem.State, JobItem.Verdict
CANCELLING_IS_OFF = "cancelling_off"
"""Why a row is left out: no administrator has allowed to cancel orders from the app."""


@dataclass(slots=True)
class Sight:
    """What the portal has said about a piece of the job."""

    by_number: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    numbers: dict[int, str] = field(default_factory=dict)
    current: dict[int, str | None] = field(default_factory=dict)
    titles: dict[Owner, str] = field(default_factory=dict)
    gone: set[Owner] = field(default_factory=set)
    cancelling: frozenset[str] = frozenset()

    def take(self, by_id: Iterable[Page], by_number: Iterable[Page]) -> None:
        """Note the orders that were found by ID and by number."""
        for order in (order for page in by_number for order in page):
            self.by_number[order.number.casefold()].append((order.id, order.number))
        for order in (order for pages in (by_id, by_number) for page in pages for order in page):
            self.numbers[order.id] = order.number

    def sole(self, item: JobItem) -> int:
        """The id of the one order that has the row's number; 0 for none or several."""
        found = self.by_number.get(item.order_text.casefold(), [])
        return found[0][0] if len(found) == 1 else 0


def step(slot: WorkerSlot, clients: job_clients.Clients) -> float | None:
    """Go on with the preview for one slice; 0.0 while there is more, None when it is finished.

    Raises ``errors.BitrixError`` for what keeps it from being made, and :class:`worker_slots.Lost`.
    """
    job, began = slot.job, time.monotonic()
    if not job.gathered:
        return row_sources.step(slot, clients.own)
    slot.renew(SECONDS)
    while time.monotonic() - began < BEGIN_BEFORE:
        piece = list(JobItem.objects.filter(job=job, state=S.NEW).order_by("pk")[:ROWS])
        if not piece and _apply_choices(slot):
            continue
        if not piece:
            return _finish(slot, clients)
        _keep(slot, piece, _look(job, clients, piece))
        slot.renew(SECONDS)
    return 0.0


def _apply_choices(slot: WorkerSlot) -> bool:
    """Whether rows are looked at once more, because of what the person has chosen on the columns step."""
    with transaction.atomic():
        slot.renew()
        return doubtful_rows.taken_as_ids(slot.job) or doubtful_rows.choose_duplicates(slot.job)


def _finish(slot: WorkerSlot, clients: job_clients.Clients) -> float | None:
    job = slot.job
    _doubt_ids(slot, clients)
    _doubt_contradictions(slot)
    _ask_once_more(job, clients)
    transitions.answered(job)
    total = JobItem.objects.filter(job=job, state=S.PENDING).count() + job.handled
    fields = {"planned_at": timezone.now(), "total": total, "tally": _tally(job)}
    transitions.change(job, Job.State.PLANNED, fields=fields)
    return None


def _tally(job: Job) -> dict[str, int]:
    """What the page counts: rows by outcome, and those for which a number is suggested."""
    suggested = row_options.suggested(job).count()
    return {**row_filters.tally_of(job), row_filters.SUGGESTED: suggested}


def _look(job: Job, clients: job_clients.Clients, piece: Sequence[JobItem]) -> Sight:
    """Ask for numbers, existence, places and cards; places of orders found by number in a second round."""
    sight, subject = Sight(), work.subject_of(job)
    known = sorted({item.order_id for item in piece} - {0})
    texts = sorted({item.order_text for item in piece if not item.order_id} - {""})
    sight.titles = _known_cards(job, piece)
    targets = {card for item in piece if (card := _target(job, item))}
    personal = together(
        job_clients.openable(targets - sight.titles.keys()),
        access.is_named(job.portal) if job.named is None else ask.known(job.named),
        order_numbers.with_numbers(texts),
        order_numbers.with_ids(known),
        dictionaries.order_statuses(job.portal) if subject.cancels else ask.known({}),
    )
    (opened, named, by_number, by_id, statuses), sight.current = clients.answer(
        personal, subject.current_values(known)
    )
    if job.named is None:
        _learn_right(job, named=named)
    sight.take(by_id, by_number)
    sight.cancelling = status.cancelling(statuses) if subject.cancels else frozenset()
    sight.titles |= {owner: card.title for owner, card in opened.items()}
    found = sorted({order_id for some in sight.by_number.values() for order_id, _ in some})
    sight.current |= answer_in_background(clients.writing, subject.current_values(found))
    sources = _sources(job, piece, sight) - sight.titles.keys()
    second = answer_in_background(clients.own, job_clients.openable(sources))
    sight.titles |= {owner: card.title for owner, card in second.items()}
    sight.gone = job_clients.gone(clients.own, sources - second.keys())
    return sight


def _learn_right(job: Job, *, named: bool) -> None:
    """Whether the app may act for this person, and whether it has to from the beginning."""
    job.named = named
    job.right = job_clients.credentials_of(job, refused=job.user.may_link is False)
    Job.objects.of(job.portal).filter(pk=job.pk).update(named=named, right=job.right)


def _target(job: Job, item: JobItem) -> Owner | None:
    """The card this row needs opened: where it links its order, or where it was to unlink it from."""
    if not work.subject_of(job).links:
        return None
    return place_of(item.wanted or item.expected or "")


def _sources(job: Job, piece: Sequence[JobItem], sight: Sight) -> set[Owner]:
    """Cards that orders are taken from, where the person has to be able to open those as well."""
    if not work.subject_of(job).links:
        return set()
    borrowed = job.right == Job.Right.INSTALLER
    orders = (item.order_id or sight.sole(item) for item in piece if borrowed or not item.wanted)
    texts = {sight.current.get(order_id) or "" for order_id in orders}
    return {owner for text in texts if (owner := place_of(text))}


def _known_cards(job: Job, piece: Iterable[JobItem]) -> dict[Owner, str]:
    """Cards of earlier rows, by which nothing more has to be asked."""
    wanted = {item.wanted or item.expected or "" for item in piece} - {""}
    seen = JobItem.objects.filter(
        job=job, wanted__in=wanted, verdict__in=[V.LINK, V.MOVE, V.ALREADY]
    )
    found = dict(seen.exclude(card_title="").values_list("wanted", "card_title").distinct())
    return {owner: title for text, title in found.items() if (owner := place_of(text))}


def _keep(slot: WorkerSlot, piece: Sequence[JobItem], sight: Sight) -> None:
    """Write the verdicts of a piece down; raises :class:`worker_slots.Lost`."""
    job = slot.job
    for item in piece:
        item.verdict = _identified(item, sight) or V.LINK
    ids = {item.order_id for item in piece} - {0}
    # Rows behind the piece have been looked at already where the person has answered for one in it.
    others = JobItem.objects.filter(job=job, order_id__in=ids)
    seen = others.exclude(state=S.NEW).exclude(reason=doubtful_rows.OTHER_ROW)
    listed = set(seen.values_list("order_id", flat=True))
    for item in piece:
        if item.verdict == V.LINK:
            item.verdict = _verdict(job, item, sight)
            if item.order_id in listed:
                # It keeps its order's current value: the page says so beside the row above.
                item.verdict = V.TWICE
        if item.order_id:
            listed.add(item.order_id)
        item.state = S.PENDING if item.verdict in row_filters.TO_BE_DONE else S.LEFT
        if item.verdict == V.CANCEL and not job.portal.allow_cancel:
            item.state, item.reason = S.LEFT, CANCELLING_IS_OFF
    fields = [
        "order_id",
        "order_number",
        "seen",
        "card_title",
        "verdict",
        "state",
        "reason",
        "detail",
    ]
    with transaction.atomic():
        slot.renew()
        JobItem.objects.rewrite(piece, fields)
        Job.objects.of(job.portal).filter(pk=job.pk).update(
            setbacks=0, looked=F("looked") + len(piece)
        )
    transitions.answered(job)


def _identified(item: JobItem, sight: Sight) -> str:
    """Put the order's id and number into the row; the verdict where that is impossible."""
    if not item.order_id:
        found = sight.by_number.get(item.order_text.casefold(), [])
        if len(found) > 1:
            ids = sorted(order_id for order_id, _number in found)
            item.detail = "|".join(map(str, ids[: row_options.MAX_SHARING]))
            return V.SEVERAL
        if not found:
            return V.NO_ORDER
        item.order_id, item.order_number = found[0]
    elif item.order_id in sight.numbers:
        item.order_number = sight.numbers[item.order_id]
    else:
        return V.NO_ORDER
    return ""


def _verdict(job: Job, item: JobItem, sight: Sight) -> str:
    """What will happen to a row whose order is known."""
    current = sight.current.get(item.order_id)
    if current is None:
        return V.NO_ORDER
    subject = work.subject_of(job)
    if isinstance(subject, work.Reading):
        return V.EXPORT
    item.seen = current
    target = _target(job, item)
    item.card_title = sight.titles.get(target, "")[:100] if target else ""
    already = subject.stands(item.wanted, current)
    if item.expected is not None and not already and not subject.stands(item.expected, current):
        return V.ELSEWHERE
    if already:
        return V.ALREADY
    if not subject.links:
        cancels = is_cancelled(current) or item.wanted in sight.cancelling
        return V.CANCEL if subject.cancels and cancels else V.CHANGE
    # A card that is gone keeps nobody from taking the order out of it; nothing can be brought there.
    left = place_of(current) if place_of(current) in sight.gone else None
    if target not in (None, left) and target not in sight.titles:
        return V.NO_CARD
    needed = set(subject.cards(item, both=job.right == Job.Right.INSTALLER)) - {left}
    if not needed <= sight.titles.keys():
        return V.NO_RIGHT
    if not item.wanted:
        return V.UNLINK
    return V.MOVE if current else V.LINK


def _doubt_ids(slot: WorkerSlot, clients: job_clients.Clients) -> None:
    """What is nobody's number may be an ID: the row says whose, and nothing is taken.

    ``detail`` of the row is then that order's number and its current place.
    """
    job = slot.job
    lost = JobItem.objects.filter(
        job=job,
        verdict=V.NO_ORDER,
        named=JobItem.Named.NUMBER,
        order_text__regex=r"^[1-9][0-9]{0,14}$",
    )
    items = list(lost.order_by("pk")[:ROWS])
    ids = sorted({int(item.order_text) for item in items})
    if not ids:
        return
    sight, subject = Sight(), work.subject_of(job)
    by_id, current = clients.answer(order_numbers.with_ids(ids), subject.current_values(ids))
    sight.take(by_id, ())
    doubtful = [item for item in items if int(item.order_text) in sight.numbers]
    for item in doubtful:
        order_id = int(item.order_text)
        item.verdict, item.reason = V.DOUBT, "number_or_id"
        item.detail = f"{sight.numbers[order_id]}|{current.get(order_id) or ''}"
    with transaction.atomic():
        slot.renew()
        JobItem.objects.rewrite(doubtful, ["verdict", "reason", "detail"])


def _doubt_contradictions(slot: WorkerSlot) -> None:
    """Rows of one order that name different deals: none of them is taken."""
    with transaction.atomic():
        slot.renew()
        doubtful_rows.contradicting(slot.job).update(
            verdict=V.DOUBT, state=S.LEFT, reason="two_cards"
        )


def _ask_once_more(job: Job, clients: job_clients.Clients) -> None:
    """One request for what the rows lack, if anything: its answers change no order's fate."""
    closed, suggestions = _closed(job), row_options.question(job)
    room = batch.SIZE - len(closed.commands) - len(suggestions.commands)
    question = together(closed, suggestions, row_names.question(job, room))
    if not question.commands:
        return
    places, pages, names = answer_in_background(clients.own, question)
    _missing_cards(job).filter(wanted__in=places).update(verdict=V.NO_RIGHT)
    row_options.keep(job, pages)
    row_names.keep(job, names)


def _missing_cards(job: Job) -> QuerySet[JobItem]:
    return JobItem.objects.filter(job=job, verdict=V.NO_CARD)


def _closed(job: Job) -> Ask[list[str]]:
    """Cards that are closed to this person, of those that were not found; the others are not there."""
    texts = _missing_cards(job).order_by("wanted").values_list("wanted", flat=True).distinct()
    owners = {text: owner for text in texts[:MAX_ASKED] if (owner := place_of(text))}
    return ask.every(map(_is_closed, owners.values())).map(
        lambda found: [text for text, closed in zip(owners, found, strict=True) if closed]
    )


def _is_closed(owner: Owner) -> Ask[bool]:
    read = ask.of(cards.get_command(owner), lambda _: False)
    return read.otherwise(True, errors.AccessDenied).otherwise(False)
