"""What is worth a look in a file or a list: each doubt with its count, an example, and one choice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Min
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.changes.properties import place_of
from b24app.jobs import texts
from b24app.jobs.column_choice import FIRST, LAST, OTHER, WHOLE, ColumnChoice
from b24app.jobs.column_texts import place
from b24app.jobs.doubtful_rows import OTHER_ROW
from b24app.jobs.models import Job, JobItem

# Reasons for which the file itself has to be mended, in the order they are said.
TO_BE_MENDED = (
    "shortened", "converted_to_date", "no_result", "spreadsheet_error", "damaged_text", "uneven_row",
    "order_too_long", "bad_id", "bad_card", "other_portal", "crowded", "no_order_given",
)  # fmt: skip

TO_BE_CHOSEN = frozenset({"two_readings", "number_or_id", "two_cards", "unsure_column"})
"""Reasons that a person can settle on the columns step."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to settle a doubt; ``value`` is empty for leaving the rows out."""

    value: str
    text: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something worth a look. ``field`` is the form field that one of ``answers`` fills, or that
    ``tick`` fills; empty where nothing can be chosen.
    """

    name: str
    title: str
    text: str
    icon: str = "info"
    field: str = ""
    answers: tuple[Answer, ...] = ()
    tick: str = ""
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class _Reason:
    """How many rows are left out for a reason, and the first of them."""

    count: int
    first: JobItem


def waits_for_choice(job: Job) -> bool:
    """Whether something is left out that the person can settle on the columns step."""
    reasons = JobItem.objects.filter(job=job, state=JobItem.State.LEFT, reason__in=TO_BE_CHOSEN)
    return reasons.exists()


def found(job: Job, choice: ColumnChoice) -> list[Doubt]:
    """All that is worth a look in the file as the preview was made, what can be chosen first."""
    reasons = _reasons(job)
    reading: Mapping[str, object] = job.reading if isinstance(job.reading, dict) else {}
    return [
        *_two_readings(reading, choice),
        *_numbers_or_ids(job, reasons, choice),
        *_duplicates(job, reasons, choice),
        *_unsure(reasons),
        *_to_be_mended(reasons),
        *_answered(job),
        *_of_the_sheet(job, reading, choice),
    ]


def _reasons(job: Job) -> dict[str, _Reason]:
    left = JobItem.objects.filter(job=job, state=JobItem.State.LEFT).exclude(reason="")
    counted = left.order_by().values("reason").annotate(count=Count("pk"), first=Min("pk"))
    rows = {item["reason"]: (item["count"], item["first"]) for item in counted}
    items = JobItem.objects.in_bulk([first for _count, first in rows.values()])
    return {reason: _Reason(count, items[first]) for reason, (count, first) in rows.items()}


def _two_readings(reading: Mapping[str, object], choice: ColumnChoice) -> Iterator[Doubt]:
    count, example = reading.get("two_readings"), reading.get("example")
    if not isinstance(count, int) or not isinstance(example, list) or len(example) != 3:
        return
    written, whole, other = example
    yield Doubt(
        "two_readings",
        ngettext(
            "%(count)s number can be read in two ways",
            "%(count)s numbers can be read in two ways",
            count,
        )
        % {"count": count},
        _("“%(written)s” can be order %(one)s or order %(other)s.")
        % {"written": written, "one": whole, "other": other},
        "warn",
        "readings",
        _answers(choice.readings, [(WHOLE, whole), (OTHER, other), ("", _("Leave out"))]),
    )


def _numbers_or_ids(
    job: Job, reasons: Mapping[str, _Reason], choice: ColumnChoice
) -> Iterator[Doubt]:
    reason = reasons.get("number_or_id")
    text, count = "", reason.count if reason else 0
    if reason is not None:
        number, _bar, linked_to = reason.first.detail.partition("|")
        words = {"written": reason.first.order_text, "number": number}
        text = _("%(written)s is the ID of order %(number)s.") % words
        if owner := place_of(linked_to):
            text = _("%(written)s is the ID of order %(number)s, now linked to %(place)s.") % {
                **words, "place": place(owner),
            }  # fmt: skip
    elif choice.ids:
        taken = JobItem.objects.filter(job=job, named=JobItem.Named.ID).exclude(order_number="")
        count = taken.count()
    if not count:
        return
    answers = [("on", _("Take as IDs")), ("", _("Leave out"))]
    yield Doubt(
        "number_or_id",
        ngettext(
            "%(count)s number is no order’s number, but an order’s ID",
            "%(count)s numbers are no order’s number, but an order’s ID",
            count,
        )
        % {"count": count},
        text,
        "warn",
        "ids",
        _answers("on" if choice.ids else "", answers),
    )


def _duplicates(job: Job, reasons: Mapping[str, _Reason], choice: ColumnChoice) -> Iterator[Doubt]:
    reason = reasons.get("two_cards") or reasons.get(OTHER_ROW)
    if reason is not None:
        answers = [(FIRST, _("First row")), (LAST, _("Last row")), ("", _("Leave out"))]
        same = JobItem.objects.filter(job=job, order_id=reason.first.order_id).order_by("row")
        named = ", ".join(str(row) for row in same.values_list("row", flat=True)[:4])
        yield Doubt(
            "two_cards",
            ngettext(
                "%(count)s row names another deal than other rows of its order",
                "%(count)s rows name different deals for the same order",
                reason.count,
            )
            % {"count": reason.count},
            _("Order %(order)s stands in rows %(rows)s.")
            % {"order": reason.first.order_number or reason.first.order_text, "rows": named},
            "warn",
            "duplicates",
            _answers(choice.duplicates, answers),
        )
    twice = JobItem.objects.filter(job=job, verdict=JobItem.Verdict.TWICE, reason="").count()
    if twice:
        yield Doubt(
            "twice",
            ngettext("%(count)s row repeats an order", "%(count)s rows repeat an order", twice)
            % {"count": twice},
            _("Each order is written once."),
        )


def _unsure(reasons: Mapping[str, _Reason]) -> Iterator[Doubt]:
    if reason := reasons.get("unsure_column"):
        yield Doubt(
            "unsure_column",
            ngettext(
                "%(count)s row waits until you have chosen the columns",
                "%(count)s rows wait until you have chosen the columns",
                reason.count,
            )
            % {"count": reason.count},
            _("Check above which column holds the orders, then check the rows."),
            "warn",
        )


def _to_be_mended(reasons: Mapping[str, _Reason]) -> Iterator[Doubt]:
    for name in TO_BE_MENDED:
        if (reason := reasons.get(name)) is None:
            continue
        written = reason.first.order_text or reason.first.wanted_text
        yield Doubt(
            name,
            ngettext("%(count)s row is left out", "%(count)s rows are left out", reason.count)
            % {"count": reason.count},
            _("Row %(row)s, “%(written)s”: %(reason)s")
            % {
                "row": reason.first.row,
                "written": written,
                "reason": texts.words(texts.ITEM_REASONS, name),
            },
            "info" if name == "no_order_given" else "alert",
        )


def _answered(job: Job) -> Iterator[Doubt]:
    """Answers that were given beside single rows do not outlive a new preview of the file."""
    if count := JobItem.objects.filter(job=job, options__isnull=False).count():
        yield Doubt(
            "answered",
            ngettext(
                "%(count)s row was answered in the preview",
                "%(count)s rows were answered in the preview",
                count,
            )
            % {"count": count},
            _("Checking the rows here reads the file again: answer them again then."),
            "warn",
        )


def _of_the_sheet(job: Job, reading: Mapping[str, object], choice: ColumnChoice) -> Iterator[Doubt]:
    if isinstance(hidden := reading.get("hidden_rows"), int) and hidden:
        yield Doubt(
            "hidden_rows",
            ngettext(
                "%(count)s row is hidden in the file",
                "%(count)s rows are hidden in the file",
                hidden,
            )
            % {"count": hidden},
            _("Somebody has hidden or filtered them. They are left out unless you take them too."),
            field="hidden",
            tick=_("Take them too"),
            ticked=choice.hidden_rows,
        )
    if isinstance(merged := reading.get("merged"), int) and merged:
        yield Doubt(
            "merged",
            ngettext("%(count)s merged cell is filled", "%(count)s merged cells are filled", merged)
            % {"count": merged},
            _("Every row of a merged cell has its text, as it looks in the spreadsheet."),
            field="unmerged",
            tick=_("Leave them empty"),
            ticked=choice.unmerged,
        )
    unseen = reading.get("unseen")
    if isinstance(unseen, list) and "hidden_rows" in unseen:
        yield Doubt(
            "unseen",
            _("Hidden rows cannot be seen in this format"),
            _("If some rows are hidden, save the file as XLSX and choose it again."),
        )


def _answers(chosen: str, answers: Sequence[tuple[str, str]]) -> tuple[Answer, ...]:
    return tuple(Answer(value, text, value == chosen) for value, text in answers)
