"""More than 50 orders at once: the tab asks, and a bulk job with its preview takes over."""

import pytest
from django.test import Client

from b24app.jobs.models import Job
from demo.server import DemoPortal
from testing.markup import select
from testing.opening import EMPTY, FIFTY_ONE, ILYA, MANY, Page, ask, install, open_tab, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, FIFTY_ONE)


def fields(page: Page) -> dict[str, list[str]]:
    """The hidden fields of the dialog's form."""
    found: dict[str, list[str]] = {}
    for node in select(page.text, "input[type=hidden]"):
        found.setdefault(node.attributes["name"] or "", []).append(node.attributes["value"] or "")
    return found


@pytest.mark.parametrize(
    ("path", "kind", "to"),
    [
        ("/tab/unlink/confirm/", "unlink", ""),
        ("/tab/move/confirm/", "move", str(EMPTY)),
        ("/tab/status/confirm/", "status", ""),
    ],
)
def test_select_all_of_51_orders_creates_a_job(
    client: Client, portal: DemoPortal, tab: Page, path: str, kind: str, to: str
) -> None:
    asked = submit(client, tab, path, {"all": "on", "to": to, "of": "51"})
    assert 'hx-post="/jobs/new/"' in asked.text
    form = fields(asked)
    assert (form["from"], form["kind"], len(form["order"])) == (["card"], [kind], 51)
    made = submit(client, tab, "/jobs/new/", {"to": "AW", **form})
    assert made.response.status_code == 200
    job = Job.objects.get()
    assert (job.kind, job.card) == (kind, f"2:{FIFTY_ONE}")
    assert f'data-job-id="{job.pk}"' in ask(client, tab, "/jobs/of-card/").text
    other = open_tab(client, portal, ILYA, EMPTY)
    assert "data-job-id" not in ask(client, other, "/jobs/of-card/").text
    assert all(portal.link_of(int(text.rstrip("|"))) == (2, FIFTY_ONE) for text in form["order"])


def test_select_all_follows_the_filter(client: Client, portal: DemoPortal, tab: Page) -> None:
    asked = submit(client, tab, "/tab/unlink/confirm/", {"all": "on", "payment": "paid"})
    chosen = [int(field.rstrip("|")) for field in fields(asked)["order"]]
    assert 0 < len(chosen) < 51
    assert 'hx-post="/tab/unlink/"' in asked.text
    paid = {pk for pk in chosen if portal.state.orders[pk]["payed"] == "Y"}
    assert paid == set(chosen)


def test_all_400_selected_orders_are_included(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    large = open_tab(client, portal, ILYA, MANY)
    linked = [pk for pk, owner in portal.state.links.items() if owner == (2, MANY)]
    form = {"order": [f"{pk}|" for pk in linked], "number": [str(pk) for pk in linked]}
    asked = submit(client, large, "/tab/unlink/confirm/", form)
    assert len(fields(asked)["order"]) == 400
