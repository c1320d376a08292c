"""Whose token makes a change: the whole table."""

from itertools import product

import pytest

from b24app.changes.credentials import LINK, Credentials, cards_needed, chosen
from b24app.orders.types import Owner

FIRST, SECOND = Owner(2, 7000), Owner(2, 7001)
OWN, INSTALLER = Credentials.OWN, Credentials.INSTALLER


@pytest.mark.parametrize(
    ("prop", "named", "refused"),
    list(
        product(
            [LINK, "status", "responsible", "amount", "export", ""], [True, False], [True, False]
        )
    ),
)
def test_installers_token_is_used_for_links_of_listed_people_after_refusal_only(
    prop: str, named: bool, refused: bool
) -> None:
    borrowed = prop == LINK and named and refused
    assert chosen(prop, named=named, refused=refused) is (INSTALLER if borrowed else OWN)


@pytest.mark.parametrize(
    ("whose", "source", "target", "needed"),
    [
        (OWN, None, SECOND, {SECOND}),
        (OWN, FIRST, SECOND, {SECOND}),
        (OWN, FIRST, None, {FIRST}),
        (OWN, None, None, set()),
        (INSTALLER, None, SECOND, {SECOND}),
        (INSTALLER, FIRST, SECOND, {FIRST, SECOND}),
        (INSTALLER, FIRST, None, {FIRST}),
        (INSTALLER, None, None, set()),
    ],
)
def test_installers_token_requires_that_person_can_open_both_cards(
    whose: Credentials, source: Owner | None, target: Owner | None, needed: set[Owner]
) -> None:
    assert cards_needed(whose, source, target) == needed
