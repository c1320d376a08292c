"""Rows in doubt are answered in the preview itself: one by one, or all that have a number suggested."""

import pytest
from django.test import Client

from b24app.jobs.models import Job, JobItem
from demo.rows import DEAL
from demo.server import DemoPortal
from testing.markup import attributes, only, select, words
from testing.opening import ANNA, ILYA
from tests.jobs.driving import Desk, item, planned, shown, sit_down, small_store, verdicts, work

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = {"7003": 1001, "7006": 1002, "1": 1009, "1000": 1011, "1065": 1055, "1204": 1070}


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """An administrator in a store of a few orders and two deals."""
    small_store(portal, ORDERS, (101, 102), price=1250)
    return sit_down(client, portal)


def offered(desk: Desk, job: Job, row: int) -> list[str]:
    """The words on the buttons of a row."""
    page = desk.get(f"/jobs/{job.pk}/").text
    return [words(node) for node in select(page, f'tr[data-row="{row}"] .choose button')]


def pressed(desk: Desk, job: Job, row: int) -> list[str]:
    page = desk.get(f"/jobs/{job.pk}/").text
    found = select(page, f'tr[data-row="{row}"] .choose button[aria-pressed=true]')
    return [words(node) for node in found]


def answer(desk: Desk, job: Job, row: int, value: str) -> Job:
    assert shown(desk.post(f"/jobs/{job.pk}/rows/answer/", row=row, value=value)).pk == job.pk
    return work(job)


TWO_READINGS = b"Order number;Deal\n1.000;101\n7003;102\n"


@pytest.mark.parametrize("number", ["1000", "1"])
def test_a_number_with_two_readings_is_taken_as_answered(desk: Desk, number: str) -> None:
    job = desk.asked(desk.upload(TWO_READINGS))
    assert offered(desk, job, 2) == ["Use 1000", "Use 1"]
    answer(desk, job, 2, number)
    assert planned(job) == [(number, "2:101"), ("7003", "2:102")]
    assert (job.state, job.looked, job.total) == ("planned", 2, 2)
    assert pressed(desk, job, 2) == [number]
    page = desk.get(f"/jobs/{job.pk}/").text
    assert words(only(page, 'tr[data-row="2"] [data-written]')) == "As written: 1.000"
    desk.start(job)
    assert desk.portal.link_of(ORDERS[number]) == (DEAL, 101)


def test_an_answer_can_be_changed_and_taken_back(desk: Desk) -> None:
    job = desk.asked(desk.upload(TWO_READINGS))
    answer(desk, job, 2, "1000")
    answer(desk, job, 2, "1")
    assert planned(job) == [("1", "2:101"), ("7003", "2:102")]
    answer(desk, job, 2, "")
    assert planned(job) == [("7003", "2:102")]
    assert offered(desk, job, 2) == ["Use 1000", "Use 1"]
    row = item(job, 2)
    assert (row.verdict, row.reason, row.order_id) == ("doubt", "two_readings", 0)
    assert "this could be order 1000 or order 1" in desk.get(f"/jobs/{job.pk}/").text


def test_a_number_that_several_orders_share_is_a_switch(desk: Desk) -> None:
    desk.portal.state.orders[1070]["accountNumber"] = "7003"
    job = desk.asked(desk.upload(b"Order number;Deal\n7003;101\n"))
    assert offered(desk, job, 2) == ["ID 1001", "ID 1070", "Leave out"]
    assert pressed(desk, job, 2) == ["Leave out"]
    answer(desk, job, 2, "1070")
    assert [(item.order_id, item.wanted) for item in JobItem.objects.filter(job=job)] == [
        (1070, "2:101")
    ]
    assert pressed(desk, job, 2) == ["ID 1070"]
    answer(desk, job, 2, "1001")
    assert item(job, 2).order_id == 1001
    answer(desk, job, 2, "")
    assert (item(job, 2).verdict, planned(job)) == ("several", [])


def test_nobody_s_number_is_taken_as_an_id(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order;Deal\n1055;101\n1055;101\n"))
    assert offered(desk, job, 2) == ["Use ID 1055"]
    answer(desk, job, 2, "1055")
    assert planned(job) == [("1065", "2:101")]
    assert pressed(desk, job, 2) == ["ID 1055"]
    assert only(desk.get(f"/jobs/{job.pk}/").text, 'tr[data-row="2"] [data-by-id]')


def test_a_suggested_number_is_used(desk: Desk) -> None:
    job = desk.asked(desk.upload("Number;Deal\n12O4;101\n«7003»;102\n9999;101\n".encode()))
    assert (offered(desk, job, 2), offered(desk, job, 4)) == (["Use 1204"], [])
    answer(desk, job, 2, "1204")
    assert planned(job) == [("1204", "2:101")]


def test_all_suggested_numbers_are_used_once_that_is_confirmed(desk: Desk) -> None:
    job = desk.asked(desk.upload("Number;Deal\n12O4;101\n«7003»;102\n9999;101\n".encode()))
    page = desk.get(f"/jobs/{job.pk}/").text
    assert words(only(page, "#use-suggested")) == "Fix 2…"
    asked = desk.post(f"/jobs/{job.pk}/rows/suggested/").text
    assert [words(node) for node in select(asked, "dialog li")] == [
        "Row 2: “12O4” → 1204",
        "Row 3: “«7003»” → 7003",
    ]
    assert planned(job) == []
    desk.post(f"/jobs/{job.pk}/rows/answer/", suggested="on")
    work(job)
    assert planned(job) == [("1204", "2:101"), ("7003", "2:102")]
    assert not select(desk.get(f"/jobs/{job.pk}/").text, "#use-suggested")


def test_an_answer_never_writes_an_order_twice(desk: Desk) -> None:
    content = b"Order number;Deal\n1.000;101\n1000;101\n1000;101\n"
    job = desk.asked(desk.upload(content))
    assert planned(job) == [("1000", "2:101")]
    answer(desk, job, 2, "1000")
    assert planned(job) == [("1000", "2:101")]
    assert verdicts(job) == {"twice": 2, "link": 1}
    answer(desk, job, 2, "1")
    assert planned(job) == [("1", "2:101"), ("1000", "2:101")]


def test_a_choice_of_ids_never_writes_an_order_twice(desk: Desk) -> None:
    """The same by the columns step: the ID stands above the number of its order."""
    job = desk.asked(desk.upload(b"Order;Deal\n1055;101\n1065;101\n"))
    page = desk.get(f"/jobs/{job.pk}/columns/").text
    fields = {
        str(node.attributes["name"]): node.attributes["value"] or ""
        for node in select(page, "input[type=hidden][name]")
    }
    chosen = {"column-0": "number", "column-1": "deal", "heading": "1", "ids": "on"}
    desk.post(f"/jobs/{job.pk}/columns/", **{**fields, **chosen})
    work(job)
    assert planned(job) == [("1065", "2:101")]


def test_an_answer_that_contradicts_another_row_is_in_doubt(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number;Deal\n1.000;101\n1000;102\n7003;101\n"))
    answer(desk, job, 2, "1000")
    assert planned(job) == [("7003", "2:101")]
    assert [item(job, row).reason for row in (2, 3)] == ["two_cards", "two_cards"]
    answer(desk, job, 2, "1")
    assert planned(job) == [("1", "2:101"), ("1000", "2:102"), ("7003", "2:101")]


def test_the_preview_stays_where_it_is_after_an_answer(desk: Desk) -> None:
    """Only the first preview opens on the columns step, whatever is still in doubt."""
    job = desk.asked(desk.upload(TWO_READINGS + b"1,000;102\n"))
    live = f"/jobs/{job.pk}/live/?was=planning-0-0"
    assert select(desk.get(live).text, "[data-opens-columns]")
    answer(desk, job, 2, "1000")
    assert not select(desk.get(live).text, "[data-opens-columns]")
    step = desk.get(f"/jobs/{job.pk}/columns/").text
    assert "1 row was answered in the preview" in words(only(step, "[data-doubt=answered]"))


def test_what_is_not_offered_is_not_taken(desk: Desk) -> None:
    job = desk.asked(desk.upload(TWO_READINGS))
    for row, value in ((2, "7006"), (3, "7006"), (2, ""), (9, "1000")):
        desk.post(f"/jobs/{job.pk}/rows/answer/", row=row, value=value)
        assert work(job).state == "planned"
        assert planned(job) == [("7003", "2:102")]
    assert desk.post(f"/jobs/{job.pk}/rows/answer/", row="x").response.status_code == 400


def test_only_the_owner_answers(client: Client, desk: Desk, portal: DemoPortal) -> None:
    ilya = sit_down(client, portal, ILYA)
    job = ilya.asked(ilya.upload(TWO_READINGS))
    anna = sit_down(client, portal, ANNA)
    assert offered(anna, job, 2) == []
    for path in ("answer", "suggested"):
        refused = anna.post(f"/jobs/{job.pk}/rows/{path}/", row=2, value="1000")
        assert refused.response.status_code == 404
    assert planned(job) == [("7003", "2:102")]


def test_a_started_job_takes_no_answer(desk: Desk) -> None:
    job = desk.asked(desk.upload(TWO_READINGS))
    desk.start(job)
    desk.post(f"/jobs/{job.pk}/rows/answer/", row=2, value="1000")
    assert work(job).state == "done"
    assert item(job, 2).state == "left"
    assert offered(desk, job, 2) == []


def test_after_a_takeover_a_number_with_two_readings_stays_in_doubt(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job = ilya.asked(ilya.upload(TWO_READINGS + b"7,00E+03;101\n"))
    anna = sit_down(client, portal, ANNA)
    anna.take_over(job)
    work(job)
    assert [item(job, row).reason for row in (2, 4)] == ["two_readings", "shortened"]
    assert offered(anna, job, 2) == ["Use 1000", "Use 1"]
    answer(anna, job, 2, "1")
    assert planned(job) == [("1", "2:101"), ("7003", "2:102")]


def test_rows_show_client_and_amount_for_one_request(desk: Desk, portal: DemoPortal) -> None:
    content = "Order number;Deal\n" + "".join(f"{number};101\n" for number in ORDERS)
    job = desk.asked(desk.upload(content.encode()))
    page = desk.get(f"/jobs/{job.pk}/").text
    path = only(page, "[data-loads-orders]").attributes["hx-get"] or ""
    portal.reset_counts()
    cells = desk.get(path).text
    assert portal.http_requests == 1
    assert attributes(cells, "[hx-swap-oob]", "id") == [f"order-of-{row}" for row in range(2, 8)]
    assert {words(node) for node in select(cells, ".nowrap")} == {"€1,250.00"}
    assert set(attributes(cells, "[id]", "id")) <= set(attributes(page, "[id]", "id"))
    portal.misbehave("html", method="batch", times=20)
    assert desk.get(path).text.strip() == ""


def test_orders_of_another_job_are_not_shown(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    job = desk.asked(desk.upload(TWO_READINGS))
    ilya = sit_down(client, portal, ILYA)
    assert ilya.get(f"/jobs/{job.pk}/rows/orders/?row=3").response.status_code == 404
    assert desk.get(f"/jobs/{job.pk}/rows/orders/?row=3&row=x").response.status_code == 400
    many = "&".join(f"row={row}" for row in range(1, 60))
    assert desk.get(f"/jobs/{job.pk}/rows/orders/?{many}").response.status_code == 400
