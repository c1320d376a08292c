"""Ways to read a row in doubt, offered beside it in the preview, and what the person answers.

A row offers the readings of its number, the ID it may be, the orders that share its number, or the
number that was perhaps meant. Nothing is taken until the person answers. The answer is looked up by
the preview itself, together with the other rows of the orders that it concerns.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.imports.likely_numbers import Forms, forms_of, readings_of
from b24app.jobs import queue, transitions, worker_slots
from b24app.jobs.models import Job, JobItem
from b24app.orders import order_numbers
from b24app.orders.order_numbers import Page

MAX_TEXTS = 100
"""Texts that name no order and are asked about in other readings."""
MAX_NUMBERS_SEEN = 300
"""Numbers of the job's other orders, by which the form of the shop's numbers is known."""
MAX_SHARING = 10
"""Orders offered that have the same number."""
MAX_ANSWERED = 1000
"""Rows answered with one press."""

ANSWERED = "answered"
"""In ``Job.reading``: the person answers in the preview, which then stays where it is."""

S, V = JobItem.State, JobItem.Verdict

_KEPT = ("order_text", "written", "named", "verdict", "reason", "detail")
"""What a row says while it is left out, kept so that an answer can be taken back."""


@dataclass(frozen=True, slots=True)
class Options:
    """``values`` are numbers or, ``by_id``, IDs of orders; ``chosen`` is empty while the row is left out."""

    values: tuple[str, ...]
    by_id: bool = False
    chosen: str = ""

    @property
    def shared_number(self) -> bool:
        """Whether several orders fit: a switch between them."""
        return self.by_id and len(self.values) > 1


def options_of(item: JobItem) -> Options | None:
    """What the row offers; None for a row that can be read in one way only."""
    if item.options:
        kept = item.options
        return Options(tuple(kept["values"]), kept["by_id"], kept["chosen"])
    values = tuple(value for value in item.detail.split("|") if value)
    if not values:
        return None
    by_id = item.named == JobItem.Named.ID
    if item.verdict == V.DOUBT and item.reason == "two_readings":
        return Options(values, by_id)
    if item.verdict == V.DOUBT and item.reason == "number_or_id":
        return Options((item.order_text,), by_id=True)
    if item.verdict == V.SEVERAL:
        return Options(values, by_id=True)
    return Options(values) if item.verdict == V.NO_ORDER else None


def suggested(job: Job) -> QuerySet[JobItem]:
    """Rows that name no order, where exactly one was perhaps meant."""
    return _lost(job).exclude(detail="").order_by("row")


def answer(job: Job, answers: Mapping[int, str]) -> bool:
    """Read rows, by their number, as the person says; an empty value leaves a row out again.

    False where the job rests no longer on its preview, or where nothing new was said.
    """
    with transaction.atomic():
        reading = {**job.reading, ANSWERED: True}
        changes = {
            "planned_at": None, "total": job.handled, "setbacks": 0, "told": False,
            "reading": reading, "tally": None,
        }  # fmt: skip
        if not transitions.change(job, Job.State.PLANNING, fields=changes, of=(Job.State.PLANNED,)):
            return False
        taken = _take(job, answers)
        if taken:
            queue.send_on_commit(worker_slots.opened(job, 1))
        else:
            transaction.set_rollback(True)
    job.refresh_from_db()
    return taken


def _take(job: Job, answers: Mapping[int, str]) -> bool:
    """Put the answers into their rows, to be looked up; False where nothing new was said."""
    answered, freed = [], set[int]()
    for item in JobItem.objects.filter(job=job, row__in=answers, state__in=(S.LEFT, S.PENDING)):
        options, value = options_of(item), answers[item.row]
        if options is None or value == options.chosen or value not in ("", *options.values):
            continue
        freed.add(item.order_id)
        _read_as(item, options, value)
        answered.append(item)
    fields = [*_KEPT, "order_id", "order_number", "seen", "card_title", "state", "options"]
    JobItem.objects.rewrite(answered, fields)
    anew = sum(item.state == S.NEW for item in answered) + _look_again(job, freed - {0})
    Job.objects.of(job.portal).filter(pk=job.pk).update(looked=F("looked") - anew)
    return bool(answered)


def _read_as(item: JobItem, options: Options, value: str) -> None:
    """Put the answer into the row; its order is not known yet."""
    before: Mapping[str, Any] = (item.options or {}).get("before") or {
        name: getattr(item, name) for name in _KEPT
    }
    for name, text in before.items():
        setattr(item, name, text)
    item.order_id, item.order_number, item.seen, item.card_title = 0, "", "", ""
    if not value:
        item.options, item.state = None, S.LEFT
        return
    item.written = item.written or item.order_text
    item.options = {
        "values": options.values, "by_id": options.by_id, "chosen": value, "before": before,
    }  # fmt: skip
    item.order_text, item.verdict, item.reason, item.detail = value, "", "", ""
    item.state = S.NEW
    item.named = JobItem.Named.ID if options.by_id else JobItem.Named.NUMBER
    item.order_id = int(value) if options.by_id else 0


def _look_again(job: Job, order_ids: Iterable[int]) -> int:
    """Look once more at the other rows of these orders: one of them may be taken now."""
    others = JobItem.objects.filter(job=job, order_id__in=order_ids, state__in=(S.LEFT, S.PENDING))
    return others.update(verdict="", reason="", detail="", state=S.NEW)


def question(job: Job) -> Ask[tuple[Page, ...]]:
    """Orders with a number that was perhaps meant, for :func:`keep`. A refused page is empty."""
    wanted = sorted({reading for readings in _readings(job).values() for reading in readings})
    return ask.many(wanted, lambda page: order_numbers.page_with_numbers(page).otherwise(()))


def keep(job: Job, pages: Iterable[Page]) -> None:
    """Write beside each row the number of the only order it may have meant."""
    found: dict[str, set[str]] = {}
    for order in (order for page in pages for order in page):
        found.setdefault(order.number.casefold(), set()).add(order.number)
    if not found:
        return
    for text, readings in _readings(job).items():
        numbers = {item for reading in readings for item in found.get(reading.casefold(), ())}
        if len(numbers) == 1:
            _lost(job).filter(order_text=text).update(detail=numbers.pop())


def _readings(job: Job) -> Mapping[str, list[str]]:
    lost = _lost(job).exclude(order_text="").order_by("order_text")
    texts = lost.values_list("order_text", "named").distinct()[:MAX_TEXTS]
    forms = _forms(job)
    # A number in a column of IDs is the commonest mistake of all.
    also = {text for text, named in texts if named == JobItem.Named.ID}
    return {
        text: [*([text] if text in also else []), *readings_of(text, forms)] for text, _ in texts
    }


def _lost(job: Job) -> QuerySet[JobItem]:
    return JobItem.objects.filter(job=job, verdict=V.NO_ORDER, options__isnull=True)


def _forms(job: Job) -> Forms:
    known = JobItem.objects.filter(job=job).exclude(order_number="").order_by("pk")
    return forms_of(known.values_list("order_number", flat=True)[:MAX_NUMBERS_SEEN])
