"""Refresh tokens and lifetimes that an opening brings are claims until they have been used."""

from collections.abc import Iterator

import pytest
from django.test import Client

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, ILYA, NINA, ask, install, open_tab

pytestmark = pytest.mark.django_db

GARBAGE = "g" * 70


@pytest.fixture
def ilya(client: Client, portal: DemoPortal) -> DemoPortal:
    """Ilya has a pair that the authorization server has given him."""
    install(client, portal)
    open_tab(client, portal, ILYA)
    portal.expire_tokens()
    client_of(stored()).call("profile")
    portal.reset_counts()
    return portal


@pytest.fixture
def unpaid(portal: DemoPortal) -> Iterator[DemoPortal]:
    """Another portal of the same authorization server, whose subscription has ended."""
    with DemoPortal(app_url=portal.app_url, member_id="b" * 32, oauth_of=portal) as other:
        yield other


def stored(user_id: int = ILYA) -> PortalUser:
    return PortalUser.objects.select_related("portal").get(user_id=user_id)


def works(user_id: int = ILYA) -> bool:
    result = client_of(stored(user_id)).call("profile").result
    return isinstance(result, dict) and str(result["ID"]) == str(user_id)


@pytest.mark.parametrize("refresh", [GARBAGE, ""])
@pytest.mark.parametrize("lifetime", ["1", "0", "-5", "99999999999", "soon", ""])
def test_unproven_refresh_token_never_ends_access(
    client: Client, ilya: DemoPortal, refresh: str, lifetime: str
) -> None:
    form = {"REFRESH_ID": refresh, "AUTH_EXPIRES": lifetime}
    page = open_tab(client, ilya, ILYA, form=form)
    assert len(page.order_ids) == 9
    assert len(ask(client, page, "/tab/orders/").order_ids) == 9
    assert ilya.refreshes == 0
    ilya.expire_tokens()
    assert len(ask(client, page, "/tab/orders/").order_ids) == 9
    assert (stored().tokens, stored().offered_token) == ("live", "")
    ilya.expire_tokens()
    assert works()


def test_newer_token_is_used_first_and_proven_by_that(client: Client, ilya: DemoPortal) -> None:
    before = stored().refresh_token
    page = open_tab(client, ilya, ILYA)
    offered = stored().offered_token
    assert offered in ilya.state.refresh
    assert stored().refresh_token == before
    ilya.expire_tokens()
    ask(client, page, "/tab/orders/")
    assert (ilya.refreshes, stored().offered_token) == (1, "")
    assert offered not in ilya.state.refresh
    assert stored().refresh_token in ilya.state.refresh


def test_refresh_token_of_colleague_grants_no_access(client: Client, ilya: DemoPortal) -> None:
    annas = ilya.open("DEFAULT", user_id=ANNA, entity_id=0).form["REFRESH_ID"]
    open_tab(client, ilya, ILYA, form={"REFRESH_ID": annas})
    ilya.expire_tokens()
    assert works()
    assert stored().tokens == "live"


def test_refresh_token_of_another_administrator_does_not_change_installer(
    client: Client, ilya: DemoPortal
) -> None:
    """A portal passes a dismissed installer's access to a system user; only proven tokens show that."""
    ninas = ilya.open("DEFAULT", user_id=NINA, entity_id=0).form["REFRESH_ID"]
    open_tab(client, ilya, ANNA, form={"REFRESH_ID": ninas})
    ilya.expire_tokens()
    assert works(ANNA)
    installer = Portal.objects.get().installer
    assert installer is not None
    assert installer.user_id == ANNA


def test_unpaid_token_of_another_portal_does_not_end_subscription(
    client: Client, ilya: DemoPortal, unpaid: DemoPortal
) -> None:
    theirs = unpaid.open("DEFAULT", entity_id=0).form["REFRESH_ID"]
    unpaid.state.app.paid = False
    page = open_tab(client, ilya, ILYA, form={"REFRESH_ID": theirs})
    ilya.expire_tokens()
    assert len(ask(client, page, "/tab/orders/").order_ids) == 9
    assert not Portal.objects.get().payment_expired


def test_access_ends_once_every_refresh_token_is_refused(client: Client, ilya: DemoPortal) -> None:
    open_tab(client, ilya, ILYA, form={"REFRESH_ID": GARBAGE})
    ilya.expire_tokens()
    ilya.forget_refresh_tokens()
    with pytest.raises(errors.DeadToken):
        client_of(stored()).call("profile")
    assert (stored().tokens, ilya.refreshes) == ("dead", 2)


def test_installation_proves_the_installers_refresh_token(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    anna = stored(ANNA)
    assert (portal.refreshes, anna.offered_token) == (1, "")
    assert anna.refresh_token in portal.state.refresh


@pytest.mark.parametrize("refresh", [GARBAGE, ""])
def test_reinstallation_with_invalid_refresh_token_keeps_proven_token(
    client: Client, portal: DemoPortal, refresh: str
) -> None:
    install(client, portal)
    before = stored(ANNA).refresh_token
    page = install(client, portal, form={"REFRESH_ID": refresh, "AUTH_EXPIRES": "1"})
    assert page.response.status_code == 200
    portal.expire_tokens()
    assert works(ANNA)
    assert stored(ANNA).tokens == "live"
    assert before not in portal.state.refresh


@pytest.mark.parametrize("refresh", [GARBAGE, ""])
def test_renewing_a_session_stores_no_unproven_token_in_place_of_a_proven_one(
    client: Client, ilya: DemoPortal, refresh: str
) -> None:
    page = open_tab(client, ilya, ILYA)
    form = dict(ilya.open("DEFAULT", user_id=ILYA, entity_id=0).form)
    form |= {"REFRESH_ID": refresh, "AUTH_EXPIRES": "1"}
    answer = ask(client, page, "/session/renew/", form, method="post")
    assert answer.response.status_code == 200
    ilya.expire_tokens()
    assert works()
