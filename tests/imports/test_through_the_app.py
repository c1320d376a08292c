"""The files of people, uploaded to the app in the store they were made for: what Start would write."""

from pathlib import Path

import pytest
from django.test import Client

from b24app.jobs.models import JobItem
from demo.rows import DEAL
from demo.server import DemoPortal
from tests.imports.world import HOST, ORDERS
from tests.jobs.driving import Desk, sit_down, small_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.bare]

FILES = Path(__file__).parent / "files"
DEALS = [*range(101, 161)]


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """An administrator in the store of shared orders and deals."""
    small_store(portal, ORDERS, DEALS)
    portal.state.links[ORDERS["1065"]] = (DEAL, 104)
    return sit_down(client, portal)


def content(portal: DemoPortal, name: str) -> bytes:
    return (FILES / name).read_bytes()


Planned = list[tuple[str, int]]


def planned(desk: Desk, data: bytes, name: str, **form: str) -> Planned:
    """Numbers of the orders that Start would write, each with its deal."""
    job = desk.asked(desk.upload(data, name=name, **form))
    found = JobItem.objects.filter(job=job, state="pending").order_by("row")
    return [(item.order_number, int(item.wanted.partition(":")[2] or 0)) for item in found]


BOTH = [("7003", 101), ("7006", 102)]
TO_101 = [("7003", 101), ("7006", 101)]


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("sep-line.csv", "101", TO_101),
        ("title-above.csv", "101", TO_101),
        ("title-with-a-year.csv", "140", [("131", 140), ("7006", 140)]),
        ("thousands-de.csv", "", []),
        ("thousands-en.csv", "", []),
        ("open-quote.csv", "", []),
        (
            "quoted-commas.csv",
            "",
            [*BOTH, ("7012", 103), ("7018", 104), ("7024", 105)],
        ),
        ("excel-text.csv", "", [("007036", 101), ("7006", 102)]),
        ("dos-and-mac-cp866.csv", "", BOTH),
        ("dos-and-mac-mac-cyrillic.csv", "", BOTH),
        ("scientific.csv", "", []),
        ("portals-own-list.csv", "101", TO_101),
        ("number-or-id.csv", "", []),
        ("invoice-column.csv", "140", [("7003", 140), ("7006", 140)]),
        ("row-numbers-ru.csv", "", BOTH),
        ("row-numbers-en.csv", "", BOTH),
        ("order-id-is-a-number.csv", "101", [("WEB-003009/2", 101), ("WEB-003039/5", 101)]),
        ("plain-workbook.xlsx", "", BOTH),
        ("empty-fill.xlsx", "", BOTH),
        ("odd-colour.xlsx", "", BOTH),
        ("capital-strings.xlsx", "", BOTH),
        ("html-xls.xls", "", BOTH),
        ("hidden-sheet.xlsx", "", BOTH),
        ("filtered-rows.xlsx", "", BOTH),
        ("merged-deal.xlsx", "140", [("7003", 101), ("7006", 101), ("7012", 103)]),
        ("formulas.xlsx", "101", [("7006", 101)]),
        ("format-zeros.xlsx", "", [("007036", 101)]),
        ("password.xlsx", "", []),
        ("password-old-format.xls", "", []),
    ],
)
def test_preview_matches_what_the_author_sees(
    desk: Desk, portal: DemoPortal, name: str, to: str, expected: Planned
) -> None:
    assert planned(desk, content(portal, name), name, to=to) == expected


@pytest.mark.parametrize("name", ["pasted-titles-ru.txt", "pasted-titles-en.txt"])
def test_pasted_list_of_titles_is_read(desk: Desk, name: str) -> None:
    text = (FILES / name).read_text()
    form = {"from": "list", "kind": "link", "text": text, "to": "101"}
    job = desk.asked(desk.post("/jobs/new/", **form))
    found = JobItem.objects.filter(job=job, state="pending").order_by("row")
    assert [(item.order_number, item.wanted) for item in found] == [
        ("7003", "2:101"),
        ("7006", "2:101"),
    ]
    assert "written" in desk.get(f"/jobs/{job.pk}/").text


def test_app_s_own_table_can_be_uploaded_again(desk: Desk, portal: DemoPortal) -> None:
    job = desk.asked(desk.upload(content(portal, "plain-workbook.xlsx"), name="plain.xlsx"))
    for kind in ("xlsx", "csv"):
        page = desk.get(f"/jobs/{job.pk}/table/?format={kind}")
        again = page.response.content
        assert planned(desk, again, f"job.{kind}") == BOTH
        unlinked = desk.asked(desk.upload(again, name=f"job.{kind}", kind="unlink"))
        verdicts = JobItem.objects.filter(job=unlinked).values_list("order_number", "verdict")
        assert sorted(verdicts) == [("7003", "already"), ("7006", "already")]


def test_page_shows_how_the_file_was_read(desk: Desk, portal: DemoPortal) -> None:
    for name, said in (
        ("title-with-a-year.csv", "The headings are in row 2."),
        ("title-with-a-year.csv", "“№ п/п” only numbers the rows and was ignored."),
        ("row-numbers-ru.csv", "“Документ” was read as the order number"),
        ("invoice-column.csv", "“Invoice ID” was ignored"),
        ("hidden-sheet.xlsx", "1 hidden sheet was not read."),
        ("filtered-rows.xlsx", "1 hidden row in the file was skipped."),
        ("merged-deal.xlsx", "1 cell was filled from a merged cell above it."),
        ("order-id-is-a-number.csv", "“Order ID” was read as the order number"),
    ):
        job = desk.asked(desk.upload(content(portal, name), name=name, to="140"))
        assert said in desk.get(f"/jobs/{job.pk}/").text, name
    assert HOST
