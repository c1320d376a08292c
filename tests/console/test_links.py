"""The explorer: every link of the portal, every filter in plain words, pages, reports, files."""

import html
import re
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attribute, attributes
from testing.opening import ANNA, MARIA, Page, ask, install, launch, submit
from tests.console.desk import at_work

pytestmark = pytest.mark.django_db

LINKS = "/console/links/"
LIST = "crm.orderentity.list"

Line = Mapping[str, str]


def line(field: str, word: str, value: str = "", upto: str = "", kind: str = "2") -> Line:
    return {"field": field, "word": word, "value": value, "upto": upto, "kind": kind}


def query(*lines: Line, **more: object) -> str:
    return f"{LINKS}?{urlencode([*(pair for record in lines for pair in record.items()), *more.items()])}"


def button(page: Page, name: str) -> str:
    """The address a button requests; empty if it is disabled or missing."""
    return "".join(attributes(page.text, f"button#{name}", "hx-get"))


def links_of(portal: DemoPortal) -> dict[int, tuple[int, int]]:
    return dict(portal.state.links)


def linked(portal: DemoPortal, links: Mapping[int, tuple[int, int]]) -> None:
    """These links instead of the seeded ones."""
    for order_id in list(portal.state.links):
        del portal.state.links[order_id]
    for order_id, owner in links.items():
        portal.state.links[order_id] = owner


def walked(client: Client, page: Page, start: str, name: str = "page-next") -> list[int]:
    """Orders of a page and of all that follow by ``name``."""
    shown = ask(client, page, start)
    found = shown.order_ids
    while address := button(shown, name):
        shown = ask(client, page, address)
        found += shown.order_ids
    return found


def test_first_page_with_names(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    shown = ask(client, page, LINKS)
    assert shown.order_ids == sorted(links_of(portal), reverse=True)[:50]
    assert f'data-total="{len(links_of(portal))}"' in shown.text
    linked = links_of(portal)
    order_id = next(item_id for item_id in shown.order_ids if linked[item_id][0] == DEAL)
    row = shown.row(order_id)
    assert portal.state.orders[order_id]["accountNumber"] in row
    _, owner_id = linked[order_id]
    assert str(portal.state.deals[owner_id]["TITLE"]) in html.unescape(row)


def test_page_is_two_requests_and_the_portal_counts_once(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    before, calls = portal.rest.requests, len(portal.rest.calls)
    shown = ask(client, page, LINKS)
    ask(client, page, button(shown, "page-next"))
    assert portal.rest.requests - before == 4
    lists = [call for call in portal.rest.calls[calls:] if call.method == LIST]
    starts = [call.params["start"] for call in lists if isinstance(call.params, dict)]
    assert starts == ["0", "-1"]


@pytest.mark.parametrize("sort", ["order", "owner", "type"])
@pytest.mark.parametrize("down", [0, 1])
def test_every_sort_order_returns_each_link_once(
    client: Client, portal: DemoPortal, sort: str, down: int
) -> None:
    page = at_work(client, portal)
    linked(portal, {n: (DEAL if n % 3 else INVOICE, 7000 + n % 7) for n in range(1, 231)})
    found = walked(client, page, query(sort=sort, down=down))
    assert sorted(found) == sorted(links_of(portal))
    column = {"order": 0, "type": 1, "owner": 2}[sort]
    keys = [(number, *links_of(portal)[number])[column] for number in found]
    assert keys == sorted(keys, reverse=bool(down))


@pytest.mark.parametrize("down", [0, 1])
def test_back_shows_the_previous_page(client: Client, portal: DemoPortal, down: int) -> None:
    page = at_work(client, portal)
    linked(portal, dict.fromkeys(range(1, 231), (DEAL, 7000)))
    ids = sorted(links_of(portal), reverse=bool(down))
    second = ask(client, page, button(ask(client, page, query(down=down)), "page-next"))
    third = ask(client, page, button(second, "page-next"))
    assert ask(client, page, button(third, "page-previous")).order_ids == ids[50:100]
    assert ask(client, page, button(second, "page-previous")).order_ids == ids[:50]


@pytest.mark.parametrize("sort", ["order", "owner", "type"])
@pytest.mark.parametrize("down", [0, 1])
def test_last_page_leads_back_to_first_page(
    client: Client, portal: DemoPortal, sort: str, down: int
) -> None:
    page = at_work(client, portal)
    linked(portal, {n: (DEAL if n % 3 else INVOICE, 7000 + n % 7) for n in range(1, 231)})
    forwards = walked(client, page, query(sort=sort, down=down))
    calls = len(portal.rest.calls)
    shown = ask(client, page, button(ask(client, page, query(sort=sort, down=down)), "page-last"))
    assert shown.order_ids == forwards[-50:]
    assert (button(shown, "page-next"), button(shown, "page-last")) == ("", "")
    assert 'data-total="230"' in shown.text
    back = shown.order_ids
    while address := button(shown, "page-previous"):
        shown = ask(client, page, address)
        back = shown.order_ids + back
    assert back == forwards
    assert button(shown, "page-first") == ""
    lists = [call.params for call in portal.rest.calls[calls:] if call.method == LIST]
    starts = [list_["start"] for list_ in lists if isinstance(list_, dict)]
    assert (starts.count("0"), set(starts)) == (1, {"0", "-1"})


@pytest.mark.parametrize(
    "lines",
    [
        [line("owner", "is", "7003")],
        [line("owner", "one_of", "7003,7005"), line("owner", "between", "7001", "7004")],
        [line("type", "between", "1", "40"), line("owner", "ends_not", "3")],
    ],
)
@pytest.mark.parametrize("sort", ["owner", "type"])
def test_filter_on_the_sorted_field_applies_on_every_page(
    client: Client, portal: DemoPortal, lines: list[Line], sort: str
) -> None:
    page = at_work(client, portal)
    linked(portal, {n: (DEAL if n % 3 else INVOICE, 7000 + n % 7) for n in range(1, 1001)})
    wanted = ask(client, page, query(*lines)).attribute("data-total")
    found = walked(client, page, query(*lines, sort=sort))
    assert (len(found), len(set(found))) == (int(wanted), int(wanted))
    assert len(found) > 50


def test_page_past_the_end_leads_back(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    for place in ({"after": 1}, {"before": 10**9}, {"after": 1, "at": 1, "sort": "owner"}):
        shown = ask(client, page, query(**place))
        assert (shown.order_ids, 'data-state="no-links"' in shown.text) == ([], True)
        assert button(shown, "page-first").startswith(LINKS)


def test_jump_opens_page_of_an_order(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    linked(portal, dict.fromkeys(range(1, 231), (DEAL, 7000)))
    assert ask(client, page, query(jump=77)).order_ids[:2] == [77, 76]
    assert ask(client, page, query(jump=77, down=0)).order_ids[:2] == [77, 78]
    assert ask(client, page, query(jump="everything")).order_ids[0] == 230


CONDITIONS: list[tuple[Line, Callable[[int, int, int], bool]]] = [
    (line("order", "is", "113"), lambda o, t, i: o == 113),
    (line("order", "is_not", "113"), lambda o, t, i: o != 113),
    (line("order", "one_of", "1, 15;200 7"), lambda o, t, i: o in (1, 7, 15, 200)),
    (line("order", "none_of", "1,15"), lambda o, t, i: o not in (1, 15)),
    (line("order", "between", "10", "20"), lambda o, t, i: 10 <= o <= 20),
    (line("order", "between", "210"), lambda o, t, i: o >= 210),
    (line("order", "between", "", "9"), lambda o, t, i: o <= 9),
    (line("order", "contains", "13"), lambda o, t, i: "13" in str(o)),
    (line("order", "lacks", "1"), lambda o, t, i: "1" not in str(o)),
    (line("order", "begins", "11"), lambda o, t, i: str(o).startswith("11")),
    (line("order", "begins_not", "1"), lambda o, t, i: not str(o).startswith("1")),
    (line("order", "ends", "7"), lambda o, t, i: str(o).endswith("7")),
    (line("order", "ends_not", "7"), lambda o, t, i: not str(o).endswith("7")),
    (line("owner", "is", "7003"), lambda o, t, i: i == 7003),
    (line("owner", "ends", "05"), lambda o, t, i: str(i).endswith("05")),
    (line("type", "is"), lambda o, t, i: t == DEAL),
    (line("type", "is_not"), lambda o, t, i: t != DEAL),
    (line("type", "one_of", kind="2,31"), lambda o, t, i: True),
    (line("type", "none_of", kind="2,31"), lambda o, t, i: False),
    (line("type", "is", kind="2,31"), lambda o, t, i: True),
    (line("type", "between", "30", "40"), lambda o, t, i: t == INVOICE),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_every_filter_in_plain_words(
    client: Client, portal: DemoPortal, condition: Line, holds: Callable[[int, int, int], bool]
) -> None:
    page = at_work(client, portal)
    linked(portal, {n: (DEAL if n % 3 else INVOICE, 7000 + n % 7) for n in range(1, 231)})
    wanted = [n for n, (type_id, owner) in links_of(portal).items() if holds(n, type_id, owner)]
    shown = ask(client, page, query(condition))
    assert f'data-total="{len(wanted)}"' in shown.text
    assert sorted(walked(client, page, query(condition))) == sorted(wanted)


def test_several_filters_apply_together(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    linked(portal, {n: (DEAL, 7000 + n % 7) for n in range(1, 231)})
    lines = [line("order", "between", "50", "150"), line("owner", "is", "7003")]
    wanted = [n for n in range(50, 151) if n % 7 == 3]
    assert sorted(walked(client, page, query(*lines))) == wanted


@pytest.mark.parametrize(
    "lines",
    [
        [line("order", "is", "12a")],
        [line("order", "is", "1,2")],
        [line("order", "is", "-5")],
        [line("order", "contains", "1%")],
        [line("order", "one_of", ",,x")],
        [line("order", "one_of", " ".join(str(n) for n in range(501)))],
        [line("owner", "between", "ten", "20")],
        [line("order", "is", "١٢")],
        [line("order", "is", "1"), line("order", "is", "2")],
        [line("type", "is", kind="deal")],
        [line("owner", "is_not", "/crm/deal/details/5/")],
        [line("owner", "none_of", "/crm/deal/details/5/")],
        [line("owner", "is", "/crm/deal/details/5/ /crm/deal/details/6/")],
        [line("owner", "one_of", "/crm/deal/details/5/, 6")],
        [line("owner", "one_of", "/crm/deal/details/5/, /crm/type/31/details/6/")],
        [line("order", "is", "/crm/deal/details/5/")],
    ],
)
def test_invalid_filter_is_reported_and_not_sent(
    client: Client, portal: DemoPortal, lines: list[Line]
) -> None:
    page = at_work(client, portal)
    requests = portal.rest.requests
    shown = ask(client, page, query(*lines))
    assert 'data-note="wrong"' in shown.text
    assert shown.text.count('aria-invalid="true"') == 2
    assert (shown.order_ids, portal.rest.requests) == ([], requests)


@pytest.mark.parametrize("word", ["is", "one_of"])
def test_link_to_a_card_asks_for_its_id_and_type(
    client: Client, portal: DemoPortal, word: str
) -> None:
    page = at_work(client, portal)
    linked(portal, {1: (DEAL, 118), 2: (INVOICE, 118), 3: (DEAL, 7021)})
    invoice, deal = (
        f"{portal.url}/crm/{text}/" for text in ("type/31/details/118", "deal/show/118")
    )
    assert ask(client, page, query(line("owner", word, invoice))).order_ids == [2]
    assert ask(client, page, query(line("owner", word, deal))).order_ids == [1]
    assert ask(client, page, query(line("owner", word, "118"))).order_ids == [2, 1]
    typed = query(line("type", "is"), line("owner", word, deal))
    assert ask(client, page, typed).order_ids == [1]


def test_several_links_to_deals_are_one_condition(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    linked(portal, {1: (DEAL, 118), 2: (INVOICE, 118), 3: (DEAL, 7021)})
    deals = ", ".join(f"{portal.url}/crm/deal/details/{number}/" for number in (118, 7021))
    assert ask(client, page, query(line("owner", "one_of", deals))).order_ids == [3, 1]


@pytest.mark.parametrize("word", ["is", "one_of"])
def test_link_to_another_portal_is_refused_with_a_sentence(
    client: Client, portal: DemoPortal, word: str
) -> None:
    page = at_work(client, portal)
    requests = portal.rest.requests
    link = "https://other.bitrix24.com/crm/deal/details/7021/"
    shown = ask(client, page, query(line("owner", word, link)))
    assert "The link leads to another Bitrix24" in shown.text
    assert (shown.order_ids, portal.rest.requests) == ([], requests)


@pytest.mark.parametrize(
    "address",
    [
        query(line("OWNER_ID", "is", "1")),
        query(line("order", "like", "1")),
        query(*[line("order", "is_not", str(n)) for n in range(11)]),
        f"{LINKS}?field=order&word=is",
        query(sort="title"),
        query(after="x"),
        query(after=5, at="x", sort="owner"),
        query(total="-1"),
    ],
)
def test_fields_no_page_sends_are_refused(client: Client, portal: DemoPortal, address: str) -> None:
    page = at_work(client, portal)
    requests = portal.rest.requests
    assert ask(client, page, address).response.status_code == 400
    assert portal.rest.requests == requests


def test_deleted_owner_is_shown_as_deleted(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    linked(portal, {1: (DEAL, 990_001), 2: (DEAL, 7003), 3: (INVOICE, 990_003)})
    shown = ask(client, page, LINKS)
    assert "Deal 990001 no longer exists" in shown.row(1)
    assert "no longer exists" not in shown.row(2)
    assert "Invoice 990003 no longer exists" in shown.row(3)
    portal.misbehave("operating", method="crm.deal.list")
    shown = ask(client, page, LINKS)
    assert "no longer exists" not in shown.row(1)


def test_unreadable_orders_are_shown_by_id(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.misbehave("no_read", method="sale.order.list", times=5)
    shown = ask(client, page, LINKS)
    assert 'data-note="unread"' in shown.text
    assert f"ID {shown.order_ids[0]}" in shown.row(shown.order_ids[0])


def test_who_linked_it_through_the_app(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    anna = PortalUser.objects.get(user_id=ANNA)
    other = Portal.objects.create(member_id="b" * 32, endpoint=f"{portal.url}/rest/")
    stranger = PortalUser.objects.create(portal=other, user_id=ANNA, name="Stranger")
    linked(portal, {1: (DEAL, 7003), 2: (DEAL, 7003)})
    audit.record(anna, "tab", [Entry("link", 1, target=Owner(DEAL, 7003))])
    audit.record(anna, "tab", [Entry("link", 2, target=Owner(DEAL, 7021))])
    audit.record(stranger, "tab", [Entry("link", 2, target=Owner(DEAL, 7003))])
    shown = ask(client, page, LINKS)
    assert "Anna Schmidt" in shown.row(1)
    assert "not through the app" in shown.row(2)


def test_no_right_to_read_links_is_explained_under_the_menu(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    portal.misbehave("no_read", method=LIST)
    shown = ask(client, page, LINKS)
    assert (shown.state, shown.response.status_code) == ("no-read", 403)
    assert 'id="menu-links"' in shown.text
    assert f'hx-get="{LINKS}"' in shown.text


def test_list_toolbar_opens_the_explorer(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    shown = launch(client, portal, "CRM_DEAL_LIST_TOOLBAR", ANNA, 0, "en", {})
    assert 'data-section="links"' in shown.text
    portal.misbehave("no_store", method=LIST)
    shown = launch(client, portal, "CRM_DEAL_LIST_TOOLBAR", ANNA, 0, "en", {})
    assert (shown.state, shown.response.status_code) == ("no-store", 200)


def following(page: Page) -> str:
    """Where the line above a report goes on by itself; empty where it rests."""
    return "".join(attributes(page.text, "#report-line", "hx-get"))


def steps(client: Client, page: Page, address: str) -> tuple[list[int], list[tuple[int, int]]]:
    """All orders of a report, and how far it had come with how many found after each step."""
    found: list[int] = []
    progress = []
    while address:
        shown = ask(client, page, address)
        assert shown.response.status_code == 200, shown.text
        found += shown.order_ids
        so_far = re.search(r"found(?: so far)?: ([\d,]+)", shown.text)
        assert so_far
        progress.append((int(shown.attribute("data-progress")), int(so_far[1].replace(",", ""))))
        address = following(shown) or button(shown, "report-on")
    return found, progress


@pytest.mark.parametrize("references", [True, False])
def test_orders_without_a_deal(client: Client, portal: DemoPortal, references: bool) -> None:
    page = at_work(client, portal)
    wanted = sorted(set(portal.state.orders) - set(portal.state.links), reverse=True)
    if not references:
        portal.misbehave("no_references", times=1000)
    found, progress = steps(client, page, reverse("console-without"))
    assert found == wanted
    assert progress[-1] == (len(portal.state.orders), len(wanted))
    assert progress[0][0] == min(500 if references else 50, len(portal.state.orders))


def test_step_of_a_report_is_two_requests(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    for name in ("console-without", "console-gone"):
        before = portal.rest.requests
        ask(client, page, reverse(name))
        assert portal.rest.requests - before == 2


@pytest.mark.parametrize("references", [True, False])
def test_report_lists_links_to_deleted_deals(
    client: Client, portal: DemoPortal, references: bool
) -> None:
    page = at_work(client, portal)
    linked(portal, dict(portal.state.links) | {n: (DEAL, 990_000 + n) for n in (3, 30, 300)})
    if not references:
        portal.misbehave("no_references", times=1000)
    found, progress = steps(client, page, reverse("console-gone"))
    assert found == [300, 30, 3]
    assert progress[-1] == (len(portal.state.links), 3)


def test_report_continues_until_enough_is_found_or_stopped(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    linked(portal, {})
    portal.many(orders=4000)
    first = ask(client, page, reverse("console-without"))
    assert (len(first.order_ids), following(first)) == (500, "")
    second = ask(client, page, button(first, "report-on"))
    assert (len(second.order_ids), following(second)) == (1500, "")
    assert "<template><tbody hx-swap-oob" in second.text
    linked(portal, dict.fromkeys(list(portal.state.orders)[:-100], (DEAL, 7021)))
    first = ask(client, page, reverse("console-without"))
    assert len(first.order_ids) == 100
    second = ask(client, page, following(first))
    requests = portal.rest.requests
    stopped = ask(client, page, button(second, "report-on"))
    assert (following(stopped), portal.rest.requests) == ("", requests)
    third = ask(client, page, button(stopped, "report-on"))
    assert int(third.attribute("data-progress")) == 3500
    assert following(third)


def test_report_runs_at_bulk_priority(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.many(orders=4000, deals=1, link=True)
    shown = ask(client, page, reverse("console-gone"))
    on = following(shown)
    for _ in range(100):
        shown = ask(client, page, on)
        if shown.attribute("data-progress") == "500":
            break
    trigger = attribute(shown.text, "[hx-trigger*=delay]", "hx-trigger")
    assert int(trigger.removeprefix("load delay:").removesuffix("s")) > 0
    assert ask(client, page, LINKS).response.status_code == 200


def test_report_shows_its_remaining_time(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.many(orders=8000, deals=1, link=True)
    on = following(ask(client, page, reverse("console-gone")))
    assert "min left" not in ask(client, page, on).text
    began = f"began={int(time.time()) - 60}"
    assert "About 4 min left." in ask(client, page, re.sub(r"began=\d+", began, on)).text


def test_step_that_fails_keeps_what_was_found(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.many(orders=4000, deals=1, link=True)
    first = ask(client, page, reverse("console-gone"))
    portal.misbehave("no_read", method=LIST, times=30)
    failed = ask(client, page, following(first))
    assert "is limiting requests right now" in failed.text
    assert failed.attribute("data-progress") == "500"
    assert following(failed) == ""
    portal.rest.faults.calm()
    assert ask(client, page, button(failed, "report-on")).attribute("data-progress") == "2000"


def test_only_administrators_can_tell_that_a_deal_is_deleted(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    portal.state.users[ANNA].admin = False
    assert ask(client, page, reverse("console-gone")).state == "admins-only"


def test_report_that_cannot_be_read_says_so(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.misbehave("no_read", method="sale.order.list", times=10)
    assert ask(client, page, reverse("console-without")).state == "no-read"
    assert ask(client, page, f"{reverse('console-gone')}?below=x").response.status_code == 400


def export(client: Client, page: Page, kind: str, *lines: Line) -> Page:
    form: dict[str, object] = {"format": kind}
    for name in ("field", "word", "value", "upto", "kind"):
        form[name] = [record[name] for record in lines]
    return submit(client, page, reverse("console-links-export"), form)


def test_links_are_exported(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    answer = export(client, page, "csv", line("owner", "is", "7021"))
    rows = answer.response.content.decode("utf-8-sig").splitlines()
    wanted = [n for n, owner in links_of(portal).items() if owner == (DEAL, 7021)]
    assert [int(row.partition(",")[0]) for row in rows[1:]] == sorted(wanted, reverse=True)
    assert answer.response["Content-Disposition"] == 'attachment; filename="links.csv"'
    answer = export(client, page, "xlsx", line("owner", "is", "7021"))
    sheet = load_workbook(BytesIO(answer.response.content)).active
    assert sheet is not None
    assert sheet.max_row == len(wanted) + 1


def test_file_ends_at_2000_rows(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    linked(portal, dict.fromkeys(range(1, 2101), (DEAL, 7021)))
    before = portal.rest.requests
    rows = export(client, page, "csv").response.content.decode().splitlines()
    assert len(rows) == 2001
    assert portal.rest.requests - before <= 16


def test_unknown_kind_of_file_and_a_wrong_condition_are_refused(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    assert export(client, page, "exe").response.status_code == 400
    assert export(client, page, "csv", line("order", "is", "x")).response.status_code == 400


def test_employee_exports_nothing(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal, MARIA)
    assert export(client, page, "csv").state == "admins-only"
