"""Paging and typed filters."""

from typing import Any

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.filters import ORDER_ENTITY_FIELDS, Filter, ListQuery, Op, Order
from testing.scripted import Portal, Reply, Request, ok


def rows(result: object) -> list[dict[str, Any]]:
    assert isinstance(result, list)
    return result


def numbered(request: Request, count: int) -> Reply:
    start = request.body["start"]
    page = [{"id": n} for n in range(start, min(start + 50, count))]
    return ok(page, total=count, **({"next": start + 50} if start + 50 < count else {}))


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])]
)
def test_pages_by_next(portal: Portal, count: int, sizes: list[int]) -> None:
    portal.server.script = lambda request: numbered(request, count)
    pages = list(portal.client().pages("x.list", {"select": ["id"]}, rows=rows))
    assert [len(page) for page in pages] == sizes
    assert portal.server.requests[0].body["select"] == ["id"]


def test_pages_that_do_not_advance_end_with_an_error(portal: Portal) -> None:
    portal.server.script = lambda _: ok([], next=0)
    with pytest.raises(errors.IncompleteAnswer):
        list(portal.client().pages("x.list", rows=rows))
    assert len(portal.server.requests) == 1


@pytest.mark.parametrize("unlimited", [False, True])
@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
def test_pages_by_id(portal: Portal, count: int, unlimited: bool) -> None:
    def script(request: Request) -> Reply:
        assert (request.body["start"], request.body["order"]) == (-1, {"ID": "asc"})
        assert request.body["filter"]["=A"] == 1
        after = [{"ID": str(n)} for n in range(1, count + 1) if n > request.body["filter"][">ID"]]
        return ok(after if unlimited else after[:50])

    portal.server.script = script
    pages = portal.client().by_id("x.list", {"filter": {"=A": 1}}, rows=rows, field="ID")
    assert [row["ID"] for page in pages for row in page] == [str(n) for n in range(1, count + 1)]


def test_ignored_id_filter_is_detected(portal: Portal) -> None:
    portal.server.script = lambda _: ok([{"id": n} for n in range(1, 51)])
    pages = portal.client().by_id("x.list", rows=rows)
    assert len(next(pages)) == 50
    with pytest.raises(errors.IncompleteAnswer):
        next(pages)


@pytest.mark.parametrize(
    ("op", "value", "key"),
    [
        (Op.GREATER_OR_EQUAL, 1, ">=orderId"),
        (Op.GREATER, 1, ">orderId"),
        (Op.LESS_OR_EQUAL, 1, "<=orderId"),
        (Op.LESS, 1, "<orderId"),
        (Op.IN, [1, 2], "@orderId"),
        (Op.NOT_IN, (1, 2), "!@orderId"),
        (Op.CONTAINS, "1", "%orderId"),
        (Op.LIKE, "1%", "=%orderId"),
        (Op.LIKE_ALSO, "1%", "%=orderId"),
        (Op.NOT_CONTAINS, "1", "!%orderId"),
        (Op.NOT_LIKE, "1%", "!=%orderId"),
        (Op.NOT_LIKE_ALSO, "1%", "!%=orderId"),
        (Op.EQUAL, 1, "=orderId"),
        (Op.NOT_EQUAL, 1, "!=orderId"),
        (Op.NOT, 1, "!orderId"),
    ],
)
def test_every_documented_filter_prefix_works(
    portal: Portal, op: Op, value: object, key: str
) -> None:
    query = ListQuery(
        ORDER_ENTITY_FIELDS,
        filters=[Filter("orderId", op, value)],
        order=[Order("orderId", "desc")],
        select=["orderId", "ownerId"],
        start=50,
    )
    portal.client().call("crm.orderentity.list", query.params())
    sent = portal.server.requests[0].body
    sent.pop("auth")
    assert sent == {
        "filter": {key: list(value) if isinstance(value, tuple) else value},
        "order": {"orderId": "desc"},
        "select": ["orderId", "ownerId"],
        "start": 50,
    }


def test_cases_cover_all_operators() -> None:
    assert len(Op) == 15


@pytest.mark.parametrize(
    "parts",
    [
        {"filters": [Filter("OWNER_ID", Op.EQUAL, 1)]},
        {"filters": [Filter("orderId", Op.EQUAL, 1), Filter("orderId", Op.EQUAL, 2)]},
        {"order": [Order("id")]},
        {"select": ["orderID"]},
        {"start": 10},
        {"start": -2},
    ],
)
def test_filter_the_portal_would_ignore_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|twice|start"):
        ListQuery(ORDER_ENTITY_FIELDS, **parts)


@pytest.mark.parametrize(
    ("op", "value"),
    [
        (Op.IN, []),
        (Op.IN, 1),
        (Op.NOT_IN, []),
        (Op.EQUAL, [1]),
        (Op.CONTAINS, "a%"),
        (Op.LIKE, "a"),
    ],
)
def test_value_of_wrong_type_for_operator_is_refused(op: Op, value: object) -> None:
    with pytest.raises(ValueError, match="needs"):
        Filter("orderId", op, value)
