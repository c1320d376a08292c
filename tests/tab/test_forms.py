"""What the page sends back: our own forms are read, everything else is refused."""

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from b24app.orders.types import Owner
from b24app.tab import forms
from b24app.tab.forms import Pick
from b24app.web.forms import BadForm
from testing.opening import CHAIRS_INVOICE, MOCKUP, WINTER


def test_selection_includes_links_as_shown() -> None:
    form = QueryDict(f"order=5125|2:{WINTER}&order=5127|&order=5128|31:{CHAIRS_INVOICE}")
    assert forms.picks(form) == [
        Pick(5125, Owner(2, WINTER)),
        Pick(5127, None),
        Pick(5128, Owner(31, CHAIRS_INVOICE)),
    ]


def test_order_ticked_twice_counts_once() -> None:
    assert len(forms.picks(QueryDict(f"order=5125|&order=5125|2:{MOCKUP}"))) == 1


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "order=",
        "order=0|",
        "order=1",
        "order=-1|",
        "order=1|2:0",
        "order=1|7:3",
        "order=1|2:x",
        "order=١|",
    ],
)
def test_invalid_selection_is_refused(raw: str) -> None:
    with pytest.raises(BadForm):
        forms.picks(QueryDict(raw))


def test_at_most_fifty_orders_at_once() -> None:
    assert len(forms.picks(QueryDict("&".join(f"order={n}|" for n in range(1, 51))))) == 50
    with pytest.raises(BadForm):
        forms.picks(QueryDict("&".join(f"order={n}|" for n in range(1, 52))))


@given(st.integers(1, 10**15 - 1), st.sampled_from([2, 31]), st.integers(1, 10**15 - 1))
def test_link_location_round_trips_through_the_page(
    order_id: int, owner_type: int, owner_id: int
) -> None:
    owner = Owner(owner_type, owner_id)
    form = QueryDict(mutable=True)
    form["order"] = f"{order_id}|{forms.seen_text(owner)}"
    assert forms.picks(form) == [Pick(order_id, owner)]


@given(st.text())
def test_hostile_text_is_read_or_refused(raw: str) -> None:
    form = QueryDict(mutable=True)
    form["order"] = raw
    try:
        assert forms.picks(form)
    except BadForm:
        return
