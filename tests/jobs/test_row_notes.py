"""What a row says of how it was read, where it was not taken as it stands in the file."""

import pytest

from demo.server import DemoPortal
from testing.opening import EMPTY
from tests.imports.test_through_the_app import FILES
from tests.jobs.driving import Desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.bare]

MERGED = "Filled from a merged cell"


def test_row_filled_from_a_merged_cell_says_so_on_the_page_and_in_its_table(
    desk: Desk, portal: DemoPortal
) -> None:
    content = (FILES / "merged-deal.xlsx").read_bytes()
    job = desk.asked(desk.upload(content, name="merged-deal.xlsx", to=str(EMPTY)))
    rows = desk.get(f"/jobs/{job.pk}/rows/").text
    assert rows.count("data-row-note") == rows.count(MERGED) == 1
    table = desk.get(f"/jobs/{job.pk}/table/?format=csv").response.content.decode("utf-8-sig")
    assert table.count(MERGED) == 1
