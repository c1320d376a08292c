"""Conditions of a rule as JSON."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24app.automation import conditions
from b24app.automation.conditions import BadConditions, Conditions, Payer, Several
from b24app.orders.matching import Reason

FULL = Conditions(
    payer=Payer.COMPANY,
    sources=(1, 5),
    least=Decimal("49.9"),
    currency="EUR",
    responsibles=(5,),
    who=(Reason.COMPANY, Reason.EMAIL),
    funnels=(0, 7),
    stages=("C7:NEW",),
    max_days=14,
    wait_minutes=30,
    several=Several.NEWEST,
    own_deal=True,
    links_an_hour=10,
    undone_percent=5,
)


@pytest.mark.parametrize("rule", [Conditions(), FULL])
def test_conditions_survive_json(rule: Conditions) -> None:
    assert conditions.read(json.loads(json.dumps(rule.written()))) == rule


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payer", "nobody"),
        ("sources", [0]),
        ("sources", "1"),
        ("sources", list(range(1, 60))),
        ("least", "NaN"),
        ("least", "-1"),
        ("currency", "EURO"),
        ("who", []),
        ("who", ["close"]),
        ("funnels", [True]),
        ("stages", [""]),
        ("max_days", -1),
        ("max_days", "60"),
        ("since", "never"),
        ("wait_minutes", 1441),
        ("several", "all"),
        ("own_deal", "on"),
        ("links_an_hour", 0),
        ("undone_percent", 101),
        ("surprise", 1),
    ],
)
def test_what_is_no_rule_is_rejected_by_field(field: str, value: object) -> None:
    with pytest.raises(BadConditions) as raised:
        conditions.read({field: value})
    assert raised.value.field == field


def test_amount_needs_a_currency() -> None:
    with pytest.raises(BadConditions, match="currency"):
        conditions.read({"least": "50"})


def test_portals_own_deal_needs_a_wait() -> None:
    with pytest.raises(BadConditions, match="wait_minutes"):
        conditions.read({"own_deal": True, "wait_minutes": 0})


def test_fingerprint_leaves_out_when_a_rule_stops() -> None:
    other = conditions.read({"links_an_hour": 7, "undone_percent": 3})
    assert other.fingerprint() == Conditions().fingerprint()
    assert conditions.read({"max_days": 61}).fingerprint() != Conditions().fingerprint()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(sorted(FULL.written())), inner)
        ),
    )
)
def test_any_json_is_a_rule_or_is_rejected(data: object) -> None:
    try:
        found = conditions.read(data)
    except BadConditions:
        return
    assert conditions.read(found.written()) == found
