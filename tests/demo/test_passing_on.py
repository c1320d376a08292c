"""What a portal may do that is no misbehaviour: pass an app on, say that it has expired."""

from typing import cast

import requests

from demo.changes import SYSTEM
from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS
from tests.demo.calls import ANNA, Asked, Json, asked, caller

NINA = 13


def refreshed(portal: DemoPortal, refresh_token: str) -> Asked:
    params = {
        "grant_type": "refresh_token",
        "client_id": portal.client_id,
        "client_secret": portal.client_secret,
        "refresh_token": refresh_token,
    }
    return asked(requests.get(f"{portal.oauth_url}/oauth/token/", params, timeout=HANG_SECONDS))


def test_access_may_pass_to_hidden_system_user(portal: DemoPortal) -> None:
    ask, refresh = caller(portal, NINA), portal.open("DEFAULT", user_id=NINA).form["REFRESH_ID"]
    portal.dismiss(NINA, passed_on=True)
    assert cast(Json, ask("profile").result)["ID"] == str(SYSTEM)
    assert refreshed(portal, refresh).body["user_id"] == SYSTEM
    shown = [row["ID"] for row in caller(portal, ANNA)("user.get").rows()]
    assert str(SYSTEM) not in shown


def test_expired_app_may_still_answer(portal: DemoPortal) -> None:
    portal.state.app.expired = True
    assert cast(Json, caller(portal)("app.info").result)["PAYMENT_EXPIRED"] == "Y"


def test_payment_required_refresh_keeps_refresh_token(portal: DemoPortal) -> None:
    refresh = portal.open("DEFAULT").form["REFRESH_ID"]
    portal.state.app.paid = False
    assert refreshed(portal, refresh).error == "PAYMENT_REQUIRED"
    portal.state.app.paid = True
    assert refreshed(portal, refresh).status == 200
