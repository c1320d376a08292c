"""The step *Check columns*: how a file is read, and which rows wait for a choice."""

import io
import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from openpyxl import Workbook, load_workbook

from b24app.jobs.models import Job, JobItem, JobSource, RememberedColumns
from demo.rows import DEAL, INVOICE
from demo.server import DemoPortal
from testing import opening
from testing.markup import attributes, form_fields, only, select, words
from testing.opening import ANNA, ILYA, Page
from testing.persons import added
from tests.jobs.driving import Desk, planned, shown, sit_down, small_store, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.bare]

ORDERS = {"7003": 1001, "7006": 1002, "1": 1009, "1000": 1011, "1065": 1055}


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """An administrator in a store of a few orders and two deals."""
    small_store(portal, ORDERS, (101, 102))
    return sit_down(client, portal)


def reasons(job: Job) -> list[str]:
    left = JobItem.objects.filter(job=job, state="left").order_by("row")
    return [item.reason for item in left]


def listed(markup: str, name: str) -> list[str]:
    """The values of an attribute, in the order of the page."""
    return attributes(markup, f"[{name}]", name)


def step_of(desk: Desk, job: Job) -> Page:
    return desk.get(f"/jobs/{job.pk}/columns/")


def choose(desk: Desk, job: Job, **chosen: str) -> Job:
    """Choose on the step, and let the preview be made once more."""
    fields = form_fields(step_of(desk, job).text) | {
        name.replace("_", "-"): text for name, text in chosen.items()
    }
    answer = desk.post(f"/jobs/{job.pk}/columns/", **fields)
    assert shown(answer).pk == job.pk
    return work(job)


THOUSANDS = b"Order number;Deal\n1.000;101\n7003;102\n"


def test_certain_rows_are_planned_with_a_link_to_the_columns_step(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number;Deal\n7003;101\n"))
    page = desk.get(f"/jobs/{job.pk}/live/?was=planning-0-0").text
    assert 'id="job-columns"' in page
    assert "data-opens-columns" not in page
    assert planned(job) == [("7003", "2:101")]


def test_doubtful_file_opens_columns_step_and_skips_doubtful_rows(desk: Desk) -> None:
    job = desk.asked(desk.upload(THOUSANDS))
    assert planned(job) == [("7003", "2:102")]
    live = desk.get(f"/jobs/{job.pk}/live/?was=planning-0-0").text
    assert f'hx-get="/jobs/{job.pk}/columns/" hx-trigger="load"' in live
    assert "data-opens-columns" not in desk.get(f"/jobs/{job.pk}/").text
    page = step_of(desk, job).text
    assert "By its heading. 2 of the first 2 are in your store" in page
    assert "1 number can be read in two ways" in page
    assert "“1.000” can be order 1000 or order 1." in page
    assert '<td class="doubt"><span class="mark"><span>1.000</span>' in page
    assert "Of the first 2 rows: 1 can be used, 1 doubtful, 0 left out." in page
    assert f'data-job-id="{job.pk}" data-job-state="planned"' in page


@pytest.mark.parametrize(("readings", "number"), [("whole", "1000"), ("other", "1")])
def test_reading_applies_once_chosen(desk: Desk, readings: str, number: str) -> None:
    job = choose(desk, desk.asked(desk.upload(THOUSANDS)), readings=readings)
    assert planned(job) == [(number, "2:101"), ("7003", "2:102")]
    live = desk.get(f"/jobs/{job.pk}/live/?was=planning-0-0").text
    assert "data-opens-columns" not in live
    # The choice stands there when the step is opened again, and can be taken back.
    assert form_fields(step_of(desk, job).text)["readings"] == readings
    assert planned(choose(desk, job, readings="")) == [("7003", "2:102")]


def test_column_is_chosen_where_none_was_recognized(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"deal;comment\n101;7003\n102;7006"))
    assert (job.state, job.reason) == ("failed", "no_order_column")
    live = desk.get(f"/jobs/{job.pk}/live/?was=planning-0-0").text
    assert "data-opens-columns" in live
    page = step_of(desk, job)
    check = only(page.text, "#columns-check[disabled]")
    assert words(check) == "Choose the column with orders"
    look = form_fields(page.text) | {"column-1": "number", "look": "1"}
    query = "&".join(f"{name}={value}" for name, value in look.items())
    effect = desk.get(f"/jobs/{job.pk}/columns/?{query}").text
    assert "Of the first 2 rows: 2 can be used, 0 doubtful, 0 left out." in effect
    assert ">Check 2 rows<" in effect
    assert "You chose this" in effect
    job.refresh_from_db()
    assert job.state == "failed"  # to look at a choice changes nothing
    job = choose(desk, job, column_1="number")
    assert planned(job) == [("7003", "2:101"), ("7006", "2:102")]
    assert JobSource.objects.filter(job=job).exists()


def test_rows_without_deal_get_common_deal_only_if_checked(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number;Deal\n7003;101\n7006;\n", to="102"))
    assert planned(job) == [("7003", "2:101")]
    assert "1 row names no deal" in step_of(desk, job).text
    job = choose(desk, job, to="102")
    assert reasons(job) == ["no_card_given"]
    job = choose(desk, job, fill="on")
    assert planned(job) == [("7003", "2:101"), ("7006", "2:102")]


def test_unlink_skips_rows_without_deal(desk: Desk, portal: DemoPortal) -> None:
    portal.state.links[1001] = portal.state.links[1002] = (DEAL, 101)
    job = desk.asked(desk.upload(b"Order number;Deal\n7003;101\n7006;\n", kind="unlink"))
    assert "columns-fill" not in step_of(desk, job).text
    job = choose(desk, job, fill="on", to="101")
    assert [number for number, _ in planned(job)] == ["7003"]


def test_unknown_number_is_read_as_id_only_if_chosen(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order;Deal\n1055;101\n7003;102\n"))
    assert planned(job) == [("7003", "2:102")]
    page = step_of(desk, job).text
    assert "1055 is the ID of order 1065." in page
    job = choose(desk, job, ids="on")
    assert planned(job) == [("1065", "2:101"), ("7003", "2:102")]
    assert (
        '<span class="muted small" data-by-id>ID 1055</span>' in desk.get(f"/jobs/{job.pk}/").text
    )
    assert (job.looked, job.total) == (2, 2)


DUPLICATES = b"Order number;Deal\n7003;101\n7006;102\n7003;102\n7006;102\n"


def test_order_with_different_deals_is_left_out(desk: Desk) -> None:
    job = desk.asked(desk.upload(DUPLICATES))
    assert planned(job) == [("7006", "2:102")]
    page = step_of(desk, job).text
    assert "2 rows name different deals for the same order" in page
    assert "Order 7003 stands in rows 2, 4." in page
    assert "1 row repeats an order" in page


@pytest.mark.parametrize(("which", "deal"), [("first", 101), ("last", 102)])
def test_chosen_deal_of_several_is_used(desk: Desk, which: str, deal: int) -> None:
    job = choose(desk, desk.asked(desk.upload(DUPLICATES)), duplicates=which)
    assert sorted(planned(job)) == [("7003", f"2:{deal}"), ("7006", "2:102")]
    assert sorted(reasons(job)) == ["", "other_row"]
    assert (job.looked, job.rows) == (4, 4)
    assert form_fields(step_of(desk, job).text)["duplicates"] == which


@pytest.mark.parametrize(("which", "first", "last"), [("first", 101, 102), ("last", 102, 101)])
def test_a_thousand_rows_that_contradict_each_other(
    desk: Desk, portal: DemoPortal, which: str, first: int, last: int
) -> None:
    orders, _ = portal.many(orders=500, deals=1)
    numbers = [portal.state.orders[order]["accountNumber"] for order in orders]
    there = [f"{number};{101 + at % 2}" for at, number in enumerate(numbers)]
    back = [f"{number};{102 - at % 2}" for at, number in enumerate(numbers)]
    content = "\n".join(["Order number;Deal", *there, *reversed(back), "7003;101"])
    job = desk.asked(desk.upload(content.encode()))
    assert planned(job) == [("7003", "2:101")]
    page = desk.get(f"/jobs/{job.pk}/").text
    assert len(select(page, "tr[data-verdict=doubt]")) == 50
    step = step_of(desk, job).text
    assert "1000 rows name different deals for the same order" in step
    assert f"Order {numbers[0]} stands in rows 2, 1001." in step
    job = choose(desk, job, duplicates=which)
    taken = dict(planned(job))
    expected = {number: f"2:{(first, last)[at % 2]}" for at, number in enumerate(numbers)}
    assert taken == {**expected, "7003": "2:101"}
    assert reasons(job) == ["other_row"] * 500
    assert (job.looked, job.total) == (1001, 501)
    portal.reset_counts()
    job = choose(desk, job, duplicates="")
    assert planned(job) == [("7003", "2:101")]
    assert portal.http_requests <= 6


def test_one_order_in_a_thousand_rows(desk: Desk) -> None:
    content = "Order number;Deal\n" + "".join(f"7003;{101 + row % 2}\n" for row in range(1000))
    job = desk.asked(desk.upload(content.encode()))
    assert planned(job) == []
    assert "Order 7003 stands in rows 2, 3, 4, 5." in step_of(desk, job).text
    job = choose(desk, job, duplicates="last")
    assert planned(job) == [("7003", "2:102")]
    desk.start(job)
    assert desk.portal.link_of(1001) == (DEAL, 102)
    assert added(desk.portal) == {1001: 1}


def test_more_rows_of_the_file_are_shown_fifty_at_a_time(desk: Desk) -> None:
    content = "Order number;Deal\n" + "".join(f"{row};101\n" for row in range(1, 351))
    job = desk.asked(desk.upload(content.encode()))
    page, shown_rows = step_of(desk, job).text, []
    fields = form_fields(step_of(desk, job).text)
    while True:
        shown_rows.append(len(select(page, "tr[data-line]")))
        assert f"The first {shown_rows[-1]} of 350 rows" in page
        button = select(page, "#columns-more")
        if not button:
            break
        fields |= json.loads(button[0].attributes["hx-vals"] or "")
        page = desk.get(f"/jobs/{job.pk}/columns/?{urlencode(fields)}").text
    assert shown_rows == [50, 100, 150, 200, 250, 300]
    # The rows stay when a choice is looked at, and the effect is that on all of them.
    chosen = {**fields, "shown": "100", "column-0": "ignore", "column-1": "id"}
    page = desk.get(f"/jobs/{job.pk}/columns/?{urlencode(chosen)}").text
    assert len(select(page, "tr[data-line]")) == 100
    assert "Of the first 100 rows: 0 can be used, 0 doubtful, 100 left out." in page
    assert step_of(desk, job).text.count("data-line") == 50


def workbook() -> bytes:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Orders"
    for line in (["Order number", "Deal"], ["7003", 101]):
        first.append(line)
    second = book.create_sheet("Returns")
    for line in (["Order number", "Deal"], ["7006", 102], ["1065", 102]):
        second.append(line)
    second.row_dimensions[3].hidden = True
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_another_sheet_and_its_hidden_rows(desk: Desk) -> None:
    job = desk.asked(desk.upload(workbook(), name="book.xlsx"))
    page = step_of(desk, job)
    assert "2 rows" in page.text
    assert "3 rows" in page.text
    fields = form_fields(page.text) | {"sheet": "1", "look": "1"}
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    other = desk.get(f"/jobs/{job.pk}/columns/?{query}").text
    assert "Row 3 is hidden in the file and left out" in other
    before = planned(job)
    job = choose(desk, job, sheet="1" if before == [("7003", "2:101")] else "0")
    assert planned(job) != before
    job = choose(desk, job, sheet="1", of_sheet="1", hidden="on")
    assert planned(job) == [("7006", "2:102"), ("1065", "2:102")]


def test_heading_row_can_be_chosen(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"7003;101\n7006;102\n", to="101"))
    assert planned(job) == []
    job = choose(desk, job, column_0="number", column_1="deal")
    assert planned(job) == [("7003", "2:101"), ("7006", "2:102")]
    job = choose(desk, job, heading="1")
    assert [number for number, _ in planned(job)] in ([], ["7006"])


def test_choice_is_remembered_for_the_same_headings_and_person(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    content = b"deal;comment\n101;7003\n"
    choose(desk, desk.asked(desk.upload(content)), column_1="number")
    again = desk.asked(desk.upload(b"Orders of May\n\ndeal;comment\n102;7006\n"))
    assert planned(again) == [("7006", "2:102")]
    assert "As you chose for an earlier file with these headings" in step_of(desk, again).text
    other = desk.asked(desk.upload(b"deal;address\n102;7006\n"))
    assert other.state == "failed"
    ilya = sit_down(client, portal, ILYA)
    assert ilya.asked(ilya.upload(content)).state == "failed"


def test_doubtful_columns_are_asked_again_for_next_file(desk: Desk) -> None:
    choose(desk, desk.asked(desk.upload(THOUSANDS)), readings="other")
    # Columns that are recognized anyway need no memory.
    assert not RememberedColumns.objects.exists()
    assert planned(desk.asked(desk.upload(THOUSANDS))) == [("7003", "2:102")]


def test_only_the_owner_sees_the_file(client: Client, desk: Desk, portal: DemoPortal) -> None:
    ilya = sit_down(client, portal, ILYA)
    job = ilya.asked(ilya.upload(THOUSANDS))
    anna = sit_down(client, portal, ANNA)
    page = anna.get(f"/jobs/{job.pk}/")
    assert page.response.status_code == 200  # an administrator sees the job
    assert "job-columns" not in page.text
    for answer in (step_of(anna, job), anna.post(f"/jobs/{job.pk}/columns/", sheet="0")):
        assert answer.response.status_code == 404
        assert "1.000" not in answer.text


def test_two_columns_of_orders_are_refused_in_place(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number;Deal;Ref\n7003;101;7006\n"))
    fields = form_fields(step_of(desk, job).text) | {"column-2": "number"}
    query = "&".join(f"{name}={value}" for name, value in {**fields, "look": "1"}.items())
    page = desk.get(f"/jobs/{job.pk}/columns/?{query}").text
    assert "Column A holds the orders already" in page
    refused = desk.post(f"/jobs/{job.pk}/columns/", **fields)
    assert refused.response.status_code == 422
    assert planned(job) == [("7003", "2:101")]


def test_invalid_deal_is_shown_beside_the_form(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number\n7003\n", to="101"))
    fields = form_fields(step_of(desk, job).text)
    for to, said in (("a deal", "Enter the ID or link of a deal"), ("", "Choose the deal")):
        answer = desk.post(f"/jobs/{job.pk}/columns/", **{**fields, "to": to})
        assert answer.response.status_code == 422
        assert said in answer.text
    assert planned(job) == [("7003", "2:101")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sheet", "9"),
        ("sheet", "x"),
        ("column-0", "price"),
        ("readings", "third"),
        ("heading", "-1"),
    ],
)
def test_forged_columns_form_is_refused(desk: Desk, name: str, value: str) -> None:
    job = desk.asked(desk.upload(THOUSANDS))
    fields = {**form_fields(step_of(desk, job).text), name: value}
    assert desk.post(f"/jobs/{job.pk}/columns/", **fields).response.status_code == 400
    assert planned(job) == [("7003", "2:102")]


def test_started_job_keeps_its_rows(desk: Desk) -> None:
    job = desk.asked(desk.upload(THOUSANDS))
    fields = form_fields(step_of(desk, job).text)
    desk.start(job)
    answer = desk.post(f"/jobs/{job.pk}/columns/", **{**fields, "readings": "whole"})
    assert shown(answer).state == "done"
    assert JobItem.objects.filter(job=job, state="done").count() == 1
    assert "job-columns" not in answer.text


def test_columns_cannot_be_chosen_during_preview(desk: Desk) -> None:
    job = desk.asked(desk.upload(THOUSANDS))
    fields = form_fields(step_of(desk, job).text)
    desk.post(f"/jobs/{job.pk}/columns/", **{**fields, "readings": "whole"})
    desk.post(f"/jobs/{job.pk}/columns/", **{**fields, "readings": "other"})
    assert planned(work(job)) == [("1000", "2:101"), ("7003", "2:102")]


def test_pasted_list_can_be_taken_as_ids(desk: Desk) -> None:
    fields = {"from": "list", "kind": "link", "text": "1001\n1.000", "to": "101"}
    job = desk.asked(desk.post("/jobs/new/", **fields))
    assert planned(job) == []
    page = step_of(desk, job).text
    assert 'name="heading"' in page
    job = choose(desk, job, column_0="id", readings="whole")
    assert planned(job) == [("7003", "2:101")]


def test_table_s_cells_are_never_markup(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number;Deal;Note\n7003;101;<script>alert(1)</script>\n"))
    page = step_of(desk, job).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(("language", "separator"), [("en", b","), ("ru", b";"), ("de", b";")])
def test_template_needs_no_questions(
    client: Client, desk: Desk, portal: DemoPortal, language: str, separator: bytes
) -> None:
    page = opening.launch(client, portal, "DEFAULT", ANNA, 0, language, {})
    desk = Desk(client, portal, page)
    assert 'data-download="/jobs/template/?format=csv"' in desk.get("/jobs/new/").text
    head = desk.get("/jobs/template/?format=csv").response.content
    assert head.startswith(b"\xef\xbb\xbf")
    job = desk.asked(desk.upload(head + separator.join([b"7003", b"101\r\n"])))
    assert planned(job) == [("7003", "2:101")]
    book = desk.get("/jobs/template/?format=xlsx").response.content
    headings = [cell.value for cell in next(load_workbook(io.BytesIO(book)).worksheets[0].rows)]
    assert head.decode("utf-8-sig").strip().split(separator.decode()) == headings
    assert desk.get("/jobs/template/?format=pdf").response.status_code == 400


def test_preview_is_grouped_by_outcome_with_the_doubtful_first(desk: Desk) -> None:
    job = desk.asked(desk.upload(b"Order number;Deal\n7003;101\n1.000;102\n9999;101\n7006;102\n"))
    page = desk.get(f"/jobs/{job.pk}/").text
    assert listed(page, "data-group") == ["doubt", "no_order", "link"]
    assert listed(page, "data-row") == ["3", "4", "2", "5"]
    assert listed(page, "data-filter") == ["", "doubt", "no_order", "link"]
    assert f'href="{desk.portal.url}/shop/orders/details/1001/"' in page
    assert ">Link 2 orders<" in page
    assert "data-group" not in desk.get(f"/jobs/{job.pk}/rows/?show=link").text
    done = desk.start(job)
    assert listed(desk.get(f"/jobs/{done.pk}/").text, "data-row") == ["2", "3", "4", "5"]


def test_moves_from_invoices_need_consent(desk: Desk, portal: DemoPortal) -> None:
    portal.state.links[1001], portal.state.links[1002] = (DEAL, 102), (INVOICE, 5)
    content = b"Order number;Deal\n7003;101\n7006;101\n1;101\n"
    job = desk.asked(desk.upload(content))
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "Take 1 order out of its invoice" in page
    assert "Move the 1 order that is linked elsewhere" in page
    assert "<span data-with-moves data-with-invoices>Link and move 3 orders</span>" in page
    assert "<span data-without-moves data-without-invoices>Link 1 order</span>" in page
    desk.start(job)
    assert [portal.link_of(order) for order in (1001, 1002, 1009)] == [
        (DEAL, 101), (INVOICE, 5), (DEAL, 101),
    ]  # fmt: skip
    again = desk.asked(desk.upload(content))
    page = desk.get(f"/jobs/{again.pk}/").text
    assert select(page, "#job-start[data-needs-move][disabled]")
    desk.post(f"/jobs/{again.pk}/start/", invoices="on")
    assert work(again).state == "done"
    assert portal.link_of(1002) == (DEAL, 101)
