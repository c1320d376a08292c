"""Who gets in: the portal's people with their own tokens, and nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from b24app.portals.models import Portal, PortalUser
from b24app.portals.placements import DEAL_TAB
from b24app.web.session import Session
from demo.server import DemoPortal
from testing.opening import ANNA, ILYA, MOCKUP, PETRA, THREE, ask, install, open_tab, seen, submit
from testing.waiting import HANG_SECONDS, no_hang

pytestmark = pytest.mark.django_db

ROUTES = [
    ("get", "/tab/orders/"),
    ("get", "/tab/grid/?page=1"),
    ("get", "/tab/picker/"),
    ("get", "/tab/found/?q=1193"),
    ("post", "/tab/unlink/confirm/"),
    ("post", "/tab/link/"),
    ("post", "/tab/unlink/"),
    ("post", "/tab/undo/"),
    ("post", "/install/repeat/"),
]


@pytest.fixture
def known(client: Client, portal: DemoPortal) -> DemoPortal:
    install(client, portal)
    PortalUser.objects.all().delete()
    portal.reset_counts()
    return portal


@pytest.mark.parametrize(
    ("form", "state"),
    [
        ({"member_id": "0" * 32}, "not-installed"),
        ({"member_id": "'; drop table"}, "malformed"),
        ({"member_id": ""}, "malformed"),
        ({"APPLICATION_TOKEN": "0" * 32}, "foreign"),
        ({"AUTH_ID": "somebody-elses-token"}, "session-ended"),
        ({"AUTH_ID": "x"}, "malformed"),
        ({"AUTH_ID": "a b\r\nX-Evil: 1"}, "malformed"),
        ({"PLACEMENT_OPTIONS": "{"}, "malformed"),
        ({"PLACEMENT_OPTIONS": '{"ID":"7021; --"}'}, "malformed"),
        ({"PLACEMENT_OPTIONS": '{"ID":["7021"]}'}, "malformed"),
        ({"PLACEMENT_OPTIONS": '{"ID":true}'}, "malformed"),
        ({"PLACEMENT_OPTIONS": "[]"}, "malformed"),
        ({"PLACEMENT_OPTIONS": '{"ID":"' + "9" * 16 + '"}'}, "malformed"),
        ({"PLACEMENT_OPTIONS": '{"ID":"0"}'}, "malformed"),
        ({"PLACEMENT_OPTIONS": '{"ID":"99999"}'}, "no-deal"),
        ({"PLACEMENT_OPTIONS": "[" * 5000}, "malformed"),
        ({"PLACEMENT": "CRM_LEAD_DETAIL_TAB"}, "malformed"),
        ({"PLACEMENT": "<script>"}, "malformed"),
    ],
)
def test_hostile_opening_shows_a_page_and_stores_nothing(
    client: Client, known: DemoPortal, form: dict[str, str], state: str
) -> None:
    page = open_tab(client, known, form=form)
    assert page.state == state or state in page.without_templates
    assert page.response.status_code >= 400
    assert "For support: LO-" in page.text or state == "session-ended"
    assert not PortalUser.objects.exists()
    assert not page.order_ids


def test_invalid_form_sends_no_portal_request(client: Client, known: DemoPortal) -> None:
    for form in (
        {"member_id": "0" * 32},
        {"APPLICATION_TOKEN": "0" * 32},
        {"PLACEMENT_OPTIONS": "{"},
    ):
        open_tab(client, known, form=form)
    assert known.http_requests == 0


def test_token_of_another_app_does_not_log_in(client: Client, known: DemoPortal) -> None:
    token = known.token_of_another_app(user_id=ANNA)
    page = open_tab(client, known, form={"AUTH_ID": token})
    assert page.state in ("foreign", "session-ended")
    assert not PortalUser.objects.exists()


def test_portals_are_isolated_from_each_other(client: Client, known: DemoPortal) -> None:
    with DemoPortal(app_url=known.app_url, member_id="b" * 32, oauth_of=known) as other:
        install(client, other)
        mine = open_tab(client, known)
        theirs = open_tab(client, other)
        assert Portal.objects.count() == 2
        # Another tenant's member_id with my own good token.
        crossed = open_tab(
            client, known, form={"member_id": other.member_id, "APPLICATION_TOKEN": ""}
        )
        assert (
            crossed.state in ("session-ended", "foreign")
            or "session-ended" in crossed.without_templates
        )
        known.reset_counts()
        other.reset_counts()
        ask(client, theirs, "/tab/orders/")
        assert (known.http_requests, other.http_requests) == (0, 1)
        order = mine.order_ids[0]
        submit(client, theirs, "/tab/unlink/", {"order": f"{order}|"})
        assert known.link_of(order) == (2, MOCKUP)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer forged.token.here", "Basic YTpi"])
def test_every_route_requires_a_session(
    client: Client, known: DemoPortal, method: str, path: str, token: str
) -> None:
    send = client.get if method == "get" else client.post
    response = send(path, headers={"Authorization": token} if token else {})
    assert response.status_code == 401
    assert known.http_requests == 0


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_checks_the_method(
    client: Client, known: DemoPortal, method: str, path: str
) -> None:
    wrong = client.post if method == "get" else client.get
    assert wrong(path).status_code == 405


def test_session_ends_after_half_an_hour_and_is_renewed_through_the_frame(
    client: Client, known: DemoPortal
) -> None:
    open_tab(client, known, user_id=ILYA)
    user = PortalUser.objects.get(user_id=ILYA)
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=31)):
        old = Session(user.pk, DEAL_TAB, 2, MOCKUP, "en").token()
    headers = {"Authorization": f"Bearer {old}"}
    ended = client.get("/tab/orders/", headers=headers)
    assert (ended.status_code, ended["X-Session-Expired"]) == (401, "1")
    form = known.open("DEFAULT", user_id=ILYA, lang="en", entity_id=0).form
    renewed = client.post("/session/renew/", dict(form), headers=headers)
    assert renewed.status_code == 200
    fresh = client.get(
        "/tab/orders/", headers={"Authorization": f"Bearer {renewed.json()['session']}"}
    )
    assert len(seen(fresh).order_ids) == 9


def test_renewal_cannot_change_the_person(client: Client, known: DemoPortal) -> None:
    page = open_tab(client, known, user_id=ILYA)
    form = known.open("DEFAULT", user_id=ANNA, lang="en", entity_id=0).form
    assert submit(client, page, "/session/renew/", dict(form)).response.status_code == 401


def test_session_is_for_one_card_only(client: Client, known: DemoPortal) -> None:
    page = open_tab(client, known, user_id=ILYA, deal_id=THREE)
    shown = ask(client, page, "/tab/orders/?deal=7021&ID=7021&entity_id=7021")
    assert len(shown.order_ids) == 3


def test_renamed_portal_is_followed_only_to_confirmed_host(
    client: Client, known: DemoPortal
) -> None:
    page = open_tab(client, known, user_id=ILYA)
    known.misbehave("redirect", times=1)
    assert ask(client, page, "/tab/orders/").response.status_code == 504
    known.rename()
    moved = ask(client, page, "/tab/orders/")
    assert len(moved.order_ids) == 9
    assert Portal.objects.get().endpoint != f"{known.url}/rest/"


def test_older_kernel_that_sends_no_application_token(client: Client, known: DemoPortal) -> None:
    opening = known.open("CRM_DEAL_DETAIL_TAB", user_id=ANNA, lang="en", entity_id=MOCKUP)
    form = {
        key: value
        for key, value in opening.form.items()
        if key not in ("SERVER_ENDPOINT", "APPLICATION_TOKEN", "APPLICATION_SCOPE")
    }
    response = client.post("/placements/deal-tab/?DOMAIN=x&LANG=en", form)
    assert len(seen(response).order_ids) == 9


def test_missing_right_names_who_can_grant_it(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    page = open_tab(client, portal, user_id=PETRA)
    assert page.state == "no-read"
    assert "Anna Schmidt" in page.text


def test_opening_does_not_wait_for_a_portal_that_hangs(client: Client, known: DemoPortal) -> None:
    known.misbehave("hang", seconds=2 * HANG_SECONDS)
    with no_hang():
        page = open_tab(client, known)
    known.calm()
    assert page.state == "silent"
    again = client.post("/placements/deal-tab/", {"sealed": page.attribute("value")})
    assert len(seen(again).order_ids) == 9


def test_unreachable_portal_does_not_end_session(client: Client, known: DemoPortal) -> None:
    page = open_tab(client, known, user_id=ILYA)
    form = dict(known.open("DEFAULT", user_id=ILYA, lang="en", entity_id=0).form)
    known.misbehave("html", times=30)
    assert submit(client, page, "/session/renew/", form).response.status_code == 503
    known.calm()
    assert submit(client, page, "/session/renew/", form).response.status_code == 200
    known.misbehave("payment_required", times=30)
    assert submit(client, page, "/session/renew/", form).response.status_code == 401
