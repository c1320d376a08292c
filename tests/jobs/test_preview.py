"""The preview: every verdict, what it costs, and that it writes nothing."""

import pytest
from django.test import Client

from b24app.jobs.models import Job, JobItem
from demo.server import DemoPortal
from testing.opening import ANNA, EMPTY, ILYA, MANY, MARIA, MOCKUP, TOM, WINTER, open_tab, submit
from tests.jobs.driving import Desk, item, shown, sit_down, step, table, verdicts, work

pytestmark = pytest.mark.django_db

WRITES = {"crm.orderentity.add", "crm.orderentity.deletebyfilter", "sale.order.update"}


def test_every_row_outcome_is_planned(desk: Desk, portal: DemoPortal) -> None:
    free, elsewhere, here = (portal.order_id(number) for number in ("1193", "1184", "1201"))
    lines = [
        f"{free},{EMPTY}",  # row 2
        f"{elsewhere},{EMPTY}",
        f"{here},{MOCKUP}",
        f"999999,{EMPTY}",
        f"{portal.order_id('1170')},999999",
        f"{free},{EMPTY}",
        f"12O4,{EMPTY}",
        f"{portal.order_id('1163')},",
        f"{portal.order_id('1179')},Deal seven",
    ]
    portal.reset_counts()
    job = desk.asked(desk.upload(("order id,deal\n" + "\n".join(lines)).encode()))
    assert job.state == Job.State.PLANNED
    assert [item(job, row).verdict for row in range(2, 11)] == [
        "link", "move", "already", "no_order", "no_card", "twice", "bad", "bad", "bad",
    ]  # fmt: skip
    assert [item(job, row).reason for row in (8, 9, 10)] == ["bad_id", "no_card_given", "bad_card"]
    assert (item(job, 3).seen, item(job, 3).wanted) == (f"2:{WINTER}", f"2:{EMPTY}")
    assert job.total == 2
    assert WRITES.isdisjoint(call.method for call in portal.calls)
    page = desk.get(f"/jobs/{job.pk}/")
    assert f'data-job-id="{job.pk}" data-job-state="planned"' in page.text
    for word in ("Will be linked", "Will be moved", "No change needed", "Listed twice"):
        assert word in page.text
    assert "Office refit, second floor" in page.text


def test_rows_with_different_deals_for_one_order_are_skipped(
    desk: Desk, portal: DemoPortal
) -> None:
    free, other = portal.order_id("1193"), portal.order_id("1170")
    job = desk.link([(free, EMPTY), (free, MOCKUP), (other, EMPTY), (other, EMPTY)])
    found = [(item(job, row).verdict, item(job, row).reason) for row in (2, 3, 4, 5)]
    assert found == [("doubt", "two_cards"), ("doubt", "two_cards"), ("link", ""), ("twice", "")]
    assert job.total == 1
    desk.start(job)
    assert portal.link_of(free) is None


def test_empty_cell_among_deals_is_no_deal(desk: Desk, portal: DemoPortal) -> None:
    here = portal.order_id("1201")
    content = f"order id,deal\n{here},\n{portal.order_id('1184')},6933".encode()
    job = desk.asked(desk.upload(content, to=str(EMPTY)))
    assert (item(job, 2).verdict, item(job, 2).reason) == ("bad", "no_card_given")
    job = desk.asked(desk.upload(content, kind="unlink"))
    assert [item(job, row).verdict for row in (2, 3)] == ["bad", "unlink"]
    job = desk.asked(
        desk.post("/jobs/new/", **{"from": "list", "kind": "unlink", "text": "1201\n1184 6933"})
    )
    assert [item(job, row).verdict for row in (1, 2)] == ["bad", "unlink"]


def test_closed_deal_differs_from_missing_deal(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    tom = sit_down(client, portal, TOM)
    free = portal.order_id("1193"), portal.order_id("1170")
    job = tom.link([(free[0], MOCKUP), (free[1], 999999)])
    assert verdicts(job) == {"no_right": 1, "no_card": 1}
    assert job.total == 0
    assert "No orders to process" in tom.get(f"/jobs/{job.pk}/").text
    tom.start(job)
    assert job.state == Job.State.PLANNED


@pytest.mark.bare
@pytest.mark.parametrize(
    ("column", "deals", "most"),
    [("order id", 100, 11), ("order", 100, 11), ("order id", 10_000, 14), ("number", 10_000, 14)],
)
def test_ten_thousand_rows_cost_few_requests(
    desk: Desk, portal: DemoPortal, column: str, deals: int, most: int
) -> None:
    orders, targets = portal.many(orders=10_000, deals=deals)
    named = [
        pk if column == "order id" else portal.state.orders[pk]["accountNumber"] for pk in orders
    ]
    rows = "\n".join(f"{name};{targets[at % deals]}" for at, name in enumerate(named))
    portal.reset_counts()
    job = desk.asked(desk.upload(f"{column};deal\n{rows}".encode()))
    # How often it is asked whose token that is depends on how long this takes.
    asked = {call.request for call in portal.calls if call.method != "profile"}
    assert len(asked) <= most
    assert portal.rest.refused == 0
    assert verdicts(job) == {"link": 10_000}
    assert (job.rows, job.looked, job.total) == (10_000, 10_000, 10_000)


@pytest.mark.parametrize(("deals", "most"), [(100, 11), (10_000, 14)])
def test_ten_thousand_moves_cost_few_requests(
    desk: Desk, portal: DemoPortal, deals: int, most: int
) -> None:
    orders, targets = portal.many(orders=10_000, deals=deals)
    _, sources = portal.many(deals=2000)
    for at, order in enumerate(orders):
        portal.state.links[order] = (2, sources[at % 2000])
    portal.state.deals[sources[1]]["TITLE"] = "Harbour lights"
    portal.reset_counts()
    job = desk.link((order, targets[at % deals]) for at, order in enumerate(orders))
    assert portal.http_requests <= most
    assert verdicts(job) == {"move": 10_000}
    assert "Harbour lights" in desk.get(f"/jobs/{job.pk}/rows/").text


def test_move_names_its_source_deal(client: Client, desk: Desk, portal: DemoPortal) -> None:
    row = (portal.order_id("1184"), EMPTY)
    job = desk.link([row])
    assert "Winter catalogue" in desk.get(f"/jobs/{job.pk}/").text
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(TOM)
    portal.state.deals[WINTER]["ASSIGNED_BY_ID"] = str(ILYA)
    tom = sit_down(client, portal, TOM)
    job = tom.link([row])
    page = tom.get(f"/jobs/{job.pk}/").text
    assert verdicts(job) == {"move": 1}
    assert "Deal 6933" in page
    assert "Winter catalogue" not in page  # which Tom may not open


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("1184", "0001184"),
        ("0001184", "1184"),
        ("10184", "1O184"),
        ("1184", "«1184»"),
        ("1184", "ORD-1184"),
        ("B1184", "В1184"),  # a Cyrillic letter in the file
        ("1384", "1З84"),
    ],
)
def test_likely_number_is_suggested_but_not_used(
    desk: Desk, portal: DemoPortal, number: str, written: str
) -> None:
    order = portal.order_id("1184")
    portal.state.orders[order]["accountNumber"] = number
    portal.state.orders[portal.order_id("1193")]["accountNumber"] = "0001193"
    job = desk.asked(desk.upload(f"Number;Deal\n0001193;{EMPTY}\n{written};{EMPTY}".encode()))
    assert (item(job, 3).verdict, item(job, 3).order_id) == ("no_order", 0)
    assert f"did you mean {number}?" in desk.get(f"/jobs/{job.pk}/").text
    desk.start(job)
    assert portal.link_of(order) == (2, WINTER)


def test_number_matching_two_orders_is_not_guessed(desk: Desk, portal: DemoPortal) -> None:
    portal.state.orders[portal.order_id("1184")]["accountNumber"] = "B77"
    portal.state.orders[portal.order_id("1193")]["accountNumber"] = "77"
    job = desk.asked(desk.upload(f"Number;Deal\n' В77;{EMPTY}".encode()))
    assert "did you mean" not in desk.get(f"/jobs/{job.pk}/").text


def test_number_in_id_column(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(1184, EMPTY)])
    assert "did you mean 1184?" in desk.get(f"/jobs/{job.pk}/").text


def test_deal_with_a_word_before_its_id_is_understood(desk: Desk, portal: DemoPortal) -> None:
    job = desk.asked(desk.upload(f"Order;Deal\n1193;Deal {EMPTY}".encode()))
    assert (item(job, 2).verdict, item(job, 2).wanted) == ("link", f"2:{EMPTY}")


@pytest.mark.parametrize("content", [b"Order\n1184\n1193", b"1184\n1193"])
def test_orders_without_any_deal(desk: Desk, content: bytes) -> None:
    job = desk.asked(desk.upload(content))
    assert (job.state, job.reason) == (Job.State.FAILED, "no_card_column")
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "The deal is missing" in page
    assert "Choose another file" in page
    assert desk.asked(desk.upload(content, to=str(EMPTY))).total == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1184\n1193 7021\n1170", "No deal in line 1, 3:"),
        ("Order\n1184", "No deal in line 2:"),
        ("1184\n" * 11, "line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10…:"),
        ("Hello there", "No line starts with an order number or ID."),
        ("Deal\n7021", "No line starts with an order number or ID."),
        (" \n;", "Paste at least one order."),
    ],
)
def test_pasted_list_is_kept_for_correction(desk: Desk, text: str, said: str) -> None:
    answer = desk.post("/jobs/new/", **{"from": "list", "kind": "link", "text": text})
    assert answer.response.status_code == 422
    assert said in answer.text
    assert f">{text}</textarea>" in answer.text
    assert not Job.objects.exists()


def pasted(desk: Desk, text: str, **form: object) -> Job:
    answer = desk.post("/jobs/new/", **{"from": "list", "kind": "link", "text": text, **form})
    return desk.asked(answer)


def test_deal_of_a_line_overrides_common_deal(desk: Desk, portal: DemoPortal) -> None:
    text = f"1193;{MOCKUP}\n1170\n\n1184\t{MOCKUP}\n1185, {MOCKUP}\n# 1186 {MOCKUP}\n1187 ;\n"
    job = pasted(desk, text, to=str(EMPTY))
    rows = JobItem.objects.filter(job=job).order_by("row")
    assert [(row.row, row.order_text, row.wanted) for row in rows] == [
        (1, "1193", f"2:{MOCKUP}"),
        (2, "1170", f"2:{EMPTY}"),
        (4, "1184", f"2:{MOCKUP}"),
        (5, "1185", f"2:{MOCKUP}"),
        (6, "1186", f"2:{MOCKUP}"),
        (7, "1187", f"2:{EMPTY}"),
    ]
    desk.start(job)
    assert portal.link_of(portal.order_id("1193")) == (2, MOCKUP)
    assert portal.link_of(portal.order_id("1170")) == (2, EMPTY)


@pytest.mark.parametrize("between", [" ", ";", "\t", ",", ", ", " | ", "\xa0"])
def test_pasted_list_with_mixed_separators(desk: Desk, between: str) -> None:
    text = f"1193{between}{EMPTY}\n1184 {EMPTY}\n1170;{EMPTY}"
    job = pasted(desk, text)
    assert [item(job, row).verdict for row in (1, 2, 3)] == ["link", "move", "link"]


def test_header_over_a_pasted_list(desk: Desk, portal: DemoPortal) -> None:
    free = portal.order_id("1193")
    job = pasted(desk, f"Order ID;Deal\n{free} {EMPTY}\n1184;{EMPTY}")
    assert [item(job, row).verdict for row in (2, 3)] == ["link", "no_order"]
    job = pasted(desk, f"Deal;Comment;Number\n{EMPTY};x;1193")
    assert item(job, 2).verdict == "link"


@pytest.mark.parametrize("kind", ["link", "unlink", "status", "responsible", "export"])
def test_second_number_on_a_line_is_never_another_order(
    desk: Desk, portal: DemoPortal, kind: str
) -> None:
    to = {"link": str(EMPTY), "status": "F", "responsible": str(MARIA)}.get(kind, "")
    job = pasted(desk, "1193 1184\n1170; 1163; 1184\n\t1184", kind=kind, to=to)
    assert not JobItem.objects.filter(job=job, order_id=portal.order_id("1184")).exists()
    crowded = item(job, 2)
    assert (crowded.verdict, crowded.reason) == ("bad", "crowded")
    assert item(job, 3).reason == "no_order_given"
    # The second number is the deal, which is none; 1193 is in no deal that it could leave.
    assert item(job, 1).verdict == {"link": "no_card", "unlink": "already"}.get(kind, "bad")
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "Too much on one line: put each order on its own line" in page
    assert job.total == 0


def test_deals_in_a_table_are_not_statuses(desk: Desk, portal: DemoPortal) -> None:
    job = desk.asked(desk.upload(b"Order;Deal\n1184;7021", kind="status", to="F"))
    assert item(job, 2).wanted == "F"


def test_unknown_number_is_not_read_as_id(desk: Desk, portal: DemoPortal) -> None:
    order, linked = portal.order_id("1193"), portal.order_id("1184")
    numbers = {row["accountNumber"] for row in portal.state.orders.values()}
    assert {str(order), str(linked)}.isdisjoint(numbers)
    content = f"Заказ;Сделка\n{order};{EMPTY}\n{linked};{EMPTY}\n77777;{EMPTY}"
    job = desk.asked(desk.upload(content.encode()))
    assert [item(job, row).verdict for row in (2, 3, 4)] == ["doubt", "doubt", "no_order"]
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "order 1193 has this ID. If these are IDs" in page
    assert "order 1184, now linked to deal 6933, has this ID" in page
    assert job.total == 0
    job = desk.asked(desk.upload(content.replace("Заказ;", "ID заказа;").encode()))
    assert [item(job, row).verdict for row in (2, 3, 4)] == ["link", "move", "no_order"]
    assert item(job, 2).order_number == "1193"


def test_number_of_two_orders_is_not_guessed(desk: Desk, portal: DemoPortal) -> None:
    first, second = portal.order_id("1193"), portal.order_id("1170")
    portal.state.orders[second]["accountNumber"] = "1193"
    job = desk.asked(desk.upload(f"number,deal\n1193,{EMPTY}".encode()))
    assert item(job, 2).verdict == "several"
    assert portal.link_of(first) is None


def test_missing_answer_is_no_row_outcome(desk: Desk, portal: DemoPortal) -> None:
    job = work_until_asked(desk, [(portal.order_id("1193"), EMPTY)])
    portal.misbehave("no_scope", "crm.orderentity.list")
    work(job)
    assert (job.state, job.reason) == (Job.State.PAUSED, "no_scope")
    assert verdicts(job) == {"": 1}
    assert "A permission of the app is missing" in desk.get(f"/jobs/{job.pk}/").text
    desk.post(f"/jobs/{job.pk}/resume/")
    assert work(job).state == Job.State.PLANNED
    assert verdicts(job) == {"link": 1}


def work_until_asked(desk: Desk, pairs: list[tuple[int, int]]) -> Job:
    """A job whose rows are gathered and not looked at."""
    return step(shown(desk.upload(table(pairs))))


def test_all_orders_of_a_card(client: Client, desk: Desk, portal: DemoPortal) -> None:
    tab = open_tab(client, portal, ILYA, MANY)
    answer = submit(
        client, tab, "/jobs/new/", {"from": "card", "kind": "move", "to": f"2:{EMPTY}", "all": "on"}
    )
    job = desk.asked(answer)
    assert (job.rows, job.total, verdicts(job)) == (400, 400, {"move": 400})
    assert JobItem.objects.filter(job=job).values("order_id").distinct().count() == 400


@pytest.mark.parametrize("every", [True, False])
def test_statuses_of_all_orders_of_a_card(
    client: Client, desk: Desk, portal: DemoPortal, *, every: bool
) -> None:
    tab = open_tab(client, portal, ILYA, MANY)
    linked = [pk for pk, owner in portal.state.links.items() if owner == (2, MANY)]
    chosen = {"all": "on"} if every else {"order": [f"{pk}|" for pk in linked[:60]]}
    form = {"from": "card", "kind": "status", "to": "F", **chosen}
    job = desk.asked(submit(client, tab, "/jobs/new/", form))
    assert set(verdicts(job)) == {"change", "already", "cancel"}
    page = desk.get(f"/jobs/{job.pk}/").text
    for words in ("Status now", "Waiting for payment", "→ Completed", "clients may get messages"):
        assert words in page
    desk.start(job)
    assert job.done == job.total > 0
    # Cancelled orders wait for a consent of their own.
    written = job.items.exclude(verdict="cancel")
    assert {portal.state.orders[item.order_id]["statusId"] for item in written} == {"F"}


def test_responsible_people_are_found_by_name(desk: Desk, portal: DemoPortal) -> None:
    form = {"from": "list", "kind": "responsible", "to": str(MARIA), "text": "1184"}
    job = desk.asked(desk.post("/jobs/new/", **form))
    assert "Tom Becker → Maria Lopez" in desk.get(f"/jobs/{job.pk}/").text


def test_selection_larger_than_one_page(client: Client, desk: Desk, portal: DemoPortal) -> None:
    tab = open_tab(client, portal, ANNA, MANY)
    linked = [pk for pk, owner in portal.state.links.items() if owner == (2, MANY)][:120]
    moved = linked[0]
    portal.link(moved, (2, EMPTY))
    form = {"from": "card", "kind": "unlink", "order": [f"{pk}|2:{MANY}" for pk in linked]}
    job = desk.asked(submit(client, tab, "/jobs/new/", form))
    assert verdicts(job) == {"unlink": 119, "elsewhere": 1}
    too_many = {**form, "order": [f"{pk}|" for pk in range(1, 1002)]}
    assert submit(client, tab, "/jobs/new/", too_many).response.status_code == 400


def test_orders_found_by_search(desk: Desk, portal: DemoPortal) -> None:
    orders, _ = portal.many(orders=700)
    form = {"from": "search", "kind": "link", "to": str(EMPTY), "since": "2020-01-01"}
    job = desk.asked(desk.post("/jobs/new/", **form, unlinked="on"))
    unlinked = {pk for pk in portal.state.orders if portal.link_of(pk) is None}
    found = set(JobItem.objects.filter(job=job).values_list("order_id", flat=True))
    assert set(orders) < found == unlinked
    named = desk.asked(desk.post("/jobs/new/", **{**form, "q": "Clara Whitfield", "since": ""}))
    assert 0 < named.rows < 200
