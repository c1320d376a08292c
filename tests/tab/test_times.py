"""Dates and times are shown by the portal's clock, whatever the server's and the browser's are."""

import csv
import io
from datetime import UTC, timedelta, timezone

import pytest
from django.test import Client
from django.utils import timezone as active

from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import Page, ask, open_tab, submit

pytestmark = pytest.mark.django_db

INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def eastern(client: Client, portal: DemoPortal, office: Page) -> Page:
    """The tab of a portal in India, with one order of the late evening of 14 November UTC."""
    portal.state.orders[portal.order_id("1196")]["dateInsert"] = "2026-11-14T20:00:00+00:00"
    portal.rest.zone = INDIA
    return open_tab(client, portal)


def test_dates_use_portal_time_zone(client: Client, portal: DemoPortal, eastern: Page) -> None:
    order = portal.order_id("1196")
    assert Portal.objects.get().utc_offset == 330
    assert eastern.attribute("data-utc-offset") == "330"
    assert "15 Nov 2026" in eastern.row(order)
    assert "15 Nov 2026" in ask(client, eastern, "/tab/grid/", {}).row(order)
    assert active.get_current_timezone_name() == "UTC"


def test_times_use_portal_time_zone(client: Client, portal: DemoPortal, eastern: Page) -> None:
    order = portal.order_id("1196")
    submit(client, eastern, "/tab/unlink/", {"order": f"{order}|"})
    at = AuditEntry.objects.latest("pk").at.astimezone(INDIA)
    assert f"{at:%H:%M}</time>" in ask(client, eastern, "/tab/history/", {}).text


def test_dates_in_files_use_portal_time_zone(client: Client, eastern: Page) -> None:
    form = {"format": "csv", "all": "on", "q": "1196"}
    file = submit(client, eastern, "/tab/export/", form).response
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row["Date"] for row in rows] == ["2026-11-15"]


def test_portal_that_moves_to_another_zone_is_followed(
    client: Client, portal: DemoPortal, eastern: Page
) -> None:
    portal.rest.zone = UTC
    open_tab(client, portal)
    assert Portal.objects.get().utc_offset == 0
