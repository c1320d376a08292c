"""A click in a card and a row of a job come to the same outcome for the same answers of the portal."""

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from b24app.bitrix24 import errors
from b24app.changes.outcomes import Change, decide, judge
from b24app.changes.properties import (
    COMMENT,
    LINK,
    LINK_TEXT,
    RESPONSIBLE,
    STATUS,
    LinkChange,
    Property,
    place_of,
)
from b24app.jobs import judging
from b24app.jobs.models import JobItem

REFUSED = [
    errors.WriteDenied, errors.AccessDenied, errors.BadRequest, errors.OrderNotFound, errors.NotFound,
    errors.NotSent, errors.OutOfTime, errors.NotRun, errors.RateLimited, errors.PaymentRequired,
    errors.PortalClosed, errors.StoreMissing, errors.DeadToken,
]  # fmt: skip
DOUBTFUL = [
    errors.OutcomeUnknown, errors.ServerFault, errors.IncompleteAnswer, errors.NotSaved,
    errors.UnknownError,
]  # fmt: skip
VALUES = ["2:7000", "2:7001", "31:118"]


@dataclass(frozen=True)
class Case:
    """One write of ``wanted`` over ``seen``: what stood there first, the answer, what stands there since."""

    prop: Property[int, str]
    seen: str
    wanted: str
    first: str
    answer: errors.BitrixError | None
    now: str


@st.composite
def cases(draw: st.DrawFn) -> Case:
    prop: Property[int, str] = draw(st.sampled_from([LINK_TEXT, STATUS, RESPONSIBLE, COMMENT]))
    values = [*VALUES, ""] if prop in (LINK_TEXT, COMMENT) else VALUES
    seen, wanted = draw(st.permutations(values))[:2]
    kind = draw(st.sampled_from(["confirmed", "refused", "doubtful"]))
    # A row that waits to be read back does not remember what the writing request has found.
    first = seen if kind == "doubtful" else draw(st.sampled_from(values))
    if kind == "confirmed":
        return Case(prop, seen, wanted, first, None, wanted)
    if kind == "refused":
        refusal = draw(st.sampled_from(REFUSED))("CODE", "text")
        return Case(prop, seen, wanted, first, refusal, first)
    doubt = draw(st.sampled_from(DOUBTFUL))("CODE", "text")
    return Case(prop, seen, wanted, first, doubt, draw(st.sampled_from([seen, wanted])))


def of_a_click(case: Case) -> tuple[str, bool]:
    """The outcome as a card shows it, and whether a change was overridden."""
    if case.prop is LINK_TEXT:
        places = (place_of(text) for text in (case.seen, case.wanted, case.first, case.now))
        seen, wanted, first, now = places
        link = judge(LINK, LinkChange(7, seen, wanted), first, case.answer, now)
        return link.result.value, link.overrode
    change = Change(7, case.seen, case.wanted)
    found = judge(case.prop, change, case.first, case.answer, case.now)
    return found.result.value, found.overrode


def of_a_row(case: Case) -> tuple[str, bool]:
    """The same of a row, worked until it has its outcome."""
    item = JobItem(order_id=7, seen=case.seen, wanted=case.wanted)
    found: judging.Result | None = judging.after(case.prop, item, case.answer, case.first)
    if found is not None and found.state == JobItem.State.UNKNOWN:
        item.reason, item.detail = found.reason, found.detail
        found = judging.read_back(case.prop, item, case.now, in_doubt=False)
    if found is None or found.state == JobItem.State.PENDING:
        # The row waits for its next try: what has not been written then counts as failed here.
        found = judging.before(item, case.now)
    if found is None or found.state == JobItem.State.FAILED:
        return "failed", False
    if found.state == JobItem.State.SKIPPED:
        return "conflict", False
    return "done" if found.happened else "already", found.reason == judging.OVERRODE


@given(cases())
@example(Case(LINK_TEXT, "2:7000", "", "", errors.WriteDenied("CODE"), ""))
@example(Case(STATUS, "N", "F", "P", None, "F"))
def test_click_and_a_row_have_the_same_outcome(case: Case) -> None:
    clicked, worked = of_a_click(case), of_a_row(case)
    if clicked != worked:
        # Refused, and somebody else has changed it: the row says so on its next look.
        assert (clicked[0], worked[0]) == ("failed", "conflict")
        assert case.first not in (case.seen, case.wanted)


@given(st.sampled_from(VALUES), st.sampled_from(VALUES), st.sampled_from([*VALUES, ""]))
def test_click_and_a_row_decide_the_same_before_a_write(seen: str, wanted: str, now: str) -> None:
    clicked = decide(Change(7, seen, wanted), now)
    item = JobItem(order_id=7, seen=seen, wanted=wanted)
    row = judging.before(item, now)
    outcome = {"": None, "already": "already", "changed": "conflict"}
    assert (clicked.result.value if clicked else None) == outcome[row.reason if row else ""]
