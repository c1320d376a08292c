"""Fields that only our pages send: read, or refused as no form of ours."""

from collections.abc import Callable
from datetime import date

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from b24app.web import forms
from b24app.web.forms import BadForm


@pytest.mark.parametrize(
    ("text", "least", "number"),
    [("0", 0, 0), ("7", 1, 7), ("007", 1, 7), ("9" * 15, 0, 10**15 - 1)],
)
def test_whole_numbers_are_read(text: str, least: int, number: int) -> None:
    assert forms.whole_number(text, least=least) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "١", "²", "1" * 16, "x"])
def test_anything_but_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(BadForm):
        forms.whole_number(text)


def test_number_below_minimum_is_refused() -> None:
    with pytest.raises(BadForm):
        forms.whole_number("0", least=1)


@pytest.mark.parametrize(("query", "number"), [("", 0), ("below=", 0), ("below=12", 12)])
def test_missing_number_is_zero(query: str, number: int) -> None:
    assert forms.optional_number(QueryDict(query), "below") == number


@pytest.mark.parametrize(("query", "page"), [("", 1), ("page=1", 1), ("page=500", 500)])
def test_pages_count_from_one(query: str, page: int) -> None:
    assert forms.page_number(QueryDict(query), last=500) == page


@pytest.mark.parametrize("query", ["page=", "page=0", "page=501", "page=-1", "page=x"])
def test_page_that_is_not_there_is_refused(query: str) -> None:
    with pytest.raises(BadForm):
        forms.page_number(QueryDict(query), last=500)


@pytest.mark.parametrize(
    ("query", "found"),
    [("", None), ("since=", None), ("since=2026-11-18", date(2026, 11, 18))],
)
def test_days_are_read(query: str, found: date | None) -> None:
    assert forms.day(QueryDict(query), "since") == found


@pytest.mark.parametrize("text", ["18.11.2026", "2026-13-01", "0001-01-01", "9999-12-31", "x"])
def test_day_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(BadForm):
        forms.day(QueryDict(f"since={text}"), "since")


def test_search_text_is_stripped() -> None:
    assert forms.search_text(QueryDict("q= Maria%00 Lopez ")) == "Maria Lopez"


def test_search_text_of_more_than_a_hundred_characters_is_refused() -> None:
    assert len(forms.search_text(QueryDict(f"q={'x' * 100}"))) == 100
    with pytest.raises(BadForm):
        forms.search_text(QueryDict(f"q={'x' * 101}"))


@given(st.text())
@pytest.mark.parametrize(
    ("name", "read", "kind"),
    [
        ("page", lambda query: forms.page_number(query, last=500), int),
        ("below", lambda query: forms.optional_number(query, "below"), int),
        ("since", lambda query: forms.day(query, "since"), date | None),
        ("q", forms.search_text, str),
    ],
)
def test_hostile_text_is_read_or_refused(
    name: str, read: Callable[[QueryDict], object], kind: type, raw: str
) -> None:
    query = QueryDict(mutable=True)
    query[name] = raw
    try:
        found = read(query)
    except BadForm:
        return
    assert isinstance(found, kind)
