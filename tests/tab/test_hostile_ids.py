"""Invalid ids in every answer of the portal and every field of every form never crash the app."""

import re
from itertools import product

import pytest
from django.test import Client
from django.urls import URLPattern

from b24app.urls import urlpatterns
from demo.server import DemoPortal
from demo.tables import Row
from testing.opening import (
    EMPTY,
    MOCKUP,
    Page,
    ask,
    install,
    open_invoice,
    open_order,
    open_tab,
    submit,
)
from tests.jobs.driving import shown, sit_down, table, work

pytestmark = [pytest.mark.django_db, pytest.mark.bare]

NO_IDS: list[object] = [
    "9" * 30, "9" * 400, 10**29, 10**399, -7, "-7", 10**15, 7.5, "7.5", 1e300, "١٢", "²", None, True,
    "", [], [7], {"ID": 7},
]  # fmt: skip
_ID = re.compile(r"id|ID|total|next|.*(?:Id|_ID|_BY|TYPE)")


def spoilt(value: object, no_id: object) -> object:
    """The value with every id in it replaced."""
    if isinstance(value, dict):
        return {
            key: no_id if _ID.fullmatch(str(key)) else spoilt(item, no_id)
            for key, item in value.items()
        }
    return [spoilt(item, no_id) for item in value] if isinstance(value, list) else value


@pytest.fixture
def office(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal)


def name(value: object) -> str:
    text = repr(value)
    return text if len(text) < 12 else f"{text[:2]}…{len(text)}"


@pytest.mark.parametrize("no_id", NO_IDS, ids=name)
def test_invalid_ids_in_answers_break_no_page(
    client: Client, portal: DemoPortal, office: Page, no_id: object
) -> None:
    desk, order = sit_down(client, portal), office.order_ids[0]

    def change(body: Row) -> Row:
        found = spoilt(body, no_id)
        assert isinstance(found, dict)
        return found

    portal.bend("*", change)
    pages = [
        open_tab(client, portal),
        open_invoice(client, portal),
        open_order(client, portal, order),
        install(client, portal),
    ]
    for path, form in (
        ("/tab/orders/", {}),
        ("/tab/grid/", {"sort": "amount"}),
        ("/tab/details/", {"order": str(order)}),
        ("/tab/picker/", {}),
        ("/tab/found/", {"q": "1204"}),
        ("/tab/suggestions/", {}),
    ):
        pages.append(ask(client, office, path, form))
    pages += [
        desk.get(f"/console/{name}/") for name in ("overview", "links", "settings", "support")
    ]
    picked = {"order": f"{order}|2:{MOCKUP}", "to": str(EMPTY)}
    pages.append(submit(client, office, "/tab/move/confirm/", picked))
    pages.append(submit(client, office, "/tab/link/", {"order": f"{order}|"}))
    assert {page.response.status_code for page in pages} <= {200, 400, 401, 403, 409, 502, 503}


@pytest.mark.parametrize("no_id", NO_IDS, ids=name)
def test_invalid_ids_in_answers_break_no_job(
    client: Client, portal: DemoPortal, no_id: object
) -> None:
    desk = sit_down(client, portal)
    (order,), (deal,) = portal.many(orders=1, deals=1)
    job = shown(desk.upload(table([(order, deal)])))

    def change(body: Row) -> Row:
        found = spoilt(body, no_id)
        assert isinstance(found, dict)
        return found

    portal.bend("*", change)
    assert work(job).state in ("planned", "paused", "waiting_portal", "failed")


def test_user_id_of_thirty_digits_is_rejected(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    portal.bend("profile", lambda body: {**body, "result": {**body["result"], "ID": "9" * 30}})
    page = open_tab(client, portal)
    assert (page.state, page.response.status_code) == ("foreign", 403)


TYPED = [
    "9" * 16,
    "9" * 30,
    "9" * 400,
    "9" * 5000,
    "-7",
    "7.5",
    "١٢",
    "²",
    "",
    "null",
    "[7]",
    "1e3",
]
FIELDS = [
    "order", "held", "to", "entry", "change", "page", "after", "before", "at", "total", "jump", "since",
    "until", "person", "card", "card_type", "below", "number", "looked", "found", "base", "began", "deal",
    "value", "kind", "user", "account", "start", "last", "show", "days", "suggestion_days", "journal_days",
    "was", "owner", "id", "named", "from", "dismissed", "hidden", "amount", "seen", "order_id",
]  # fmt: skip
# These need no session, or take no fields.
_OTHERS = ("legal/", "healthz/", "readyz/", "metrics/", "oauth/", "placements/", "install/")


CLOSED_WAYS: set[tuple[int, bool, str]] = set()
"""Routes that do not take a method or a page's session at all, whatever is typed: tried once in a run."""


def paths(no_id: str) -> list[str]:
    routes = [
        str(urlpattern.pattern) for urlpattern in urlpatterns if isinstance(urlpattern, URLPattern)
    ]
    number = no_id if no_id.isascii() and no_id.isdecimal() else "7"
    return [
        "/" + route.replace("<int:pk>", number)
        for route in routes
        if route and not route.startswith(_OTHERS)
    ]


@pytest.mark.parametrize("typed", TYPED, ids=name)
def test_invalid_numbers_in_forms_break_no_page(
    client: Client, portal: DemoPortal, office: Page, typed: str
) -> None:
    desk = sit_down(client, portal)
    form = dict.fromkeys(FIELDS, typed)
    picked = {**form, "order": f"{typed}|2:{typed}", "held": f"{typed}|N"}
    for route, path in enumerate(paths(typed)):
        for page, method in product((office, desk.page), ("get", "post")):
            way = (route, page is office, method)
            for sent in () if way in CLOSED_WAYS else (form, picked):
                status = ask(client, page, path, sent, method=method).response.status_code
                assert status != 500, path
                if status in (401, 405):
                    CLOSED_WAYS.add(way)
                    break


@pytest.mark.parametrize(
    "typed", ["9" * 30, "9" * 400, "9" * 5000, "-7", "7.5", "[7]", "null", "1e3"]
)
def test_opening_with_invalid_card_id_is_refused(
    client: Client, portal: DemoPortal, typed: str
) -> None:
    install(client, portal)
    page = open_tab(client, portal, form={"PLACEMENT_OPTIONS": f'{{"ID": {typed}}}'})
    assert (page.state, page.response.status_code) == ("malformed", 400)
