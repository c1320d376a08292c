"""Stored tokens: renewed once for everybody, encrypted, dead when the server says so."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.portals.fields import UnreadableSecret
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, install


@pytest.fixture
def anna(client: Client, portal: DemoPortal) -> PortalUser:
    install(client, portal)
    portal.reset_counts()
    return PortalUser.objects.select_related("portal").get(user_id=ANNA)


@pytest.mark.django_db(transaction=True)
def test_fifty_callers_with_one_expired_token_make_one_refresh(
    anna: PortalUser, portal: DemoPortal, settings: LazySettings
) -> None:
    portal.expire_tokens()
    # A hundred requests at once are more than a portal takes; that is another test's matter.
    portal.rest.limits.enforced = False
    settings.B24_RATE_CAPACITY = 1000

    def call(_: int) -> object:
        user = PortalUser.objects.select_related("portal").get(pk=anna.pk)
        try:
            return client_of(user).call("profile").result
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(call, range(50)))
    assert len(results) == 50
    assert {str(result["ID"]) for result in results if isinstance(result, dict)} == {str(ANNA)}
    assert portal.refreshes == 1


@pytest.mark.django_db
def test_expired_token_is_renewed_before_the_call(anna: PortalUser, portal: DemoPortal) -> None:
    anna.expires_at = anna.renewed_at
    anna.save()
    client_of(anna).call("profile")
    assert (portal.refreshes, portal.http_requests) == (1, 1)


@pytest.mark.django_db
def test_dead_token_is_not_tried_again(anna: PortalUser, portal: DemoPortal) -> None:
    portal.kill_tokens()
    with pytest.raises(errors.DeadToken):
        client_of(anna).call("profile")
    stored = PortalUser.objects.select_related("portal").get(pk=anna.pk)
    portal.expire_tokens()
    stored.tokens = PortalUser.Tokens.DEAD
    stored.save()
    portal.reset_counts()
    with pytest.raises(errors.DeadToken):
        client_of(stored).call("profile")
    assert (portal.http_requests, portal.refreshes) == (0, 0)


@pytest.mark.django_db
def test_refused_refresh_ends_the_token(anna: PortalUser, portal: DemoPortal) -> None:
    portal.expire_tokens()
    portal.forget_refresh_tokens()
    with pytest.raises(errors.DeadToken):
        client_of(anna).call("profile")
    assert PortalUser.objects.get(pk=anna.pk).tokens == PortalUser.Tokens.DEAD


@pytest.mark.django_db
def test_wrong_client_secret_ends_no_token(
    anna: PortalUser, portal: DemoPortal, settings: LazySettings
) -> None:
    portal.expire_tokens()
    settings.B24_CLIENT_SECRET = "a-mistyped-secret"
    with pytest.raises(errors.BitrixError):
        client_of(anna).call("profile")
    assert PortalUser.objects.get(pk=anna.pk).tokens == PortalUser.Tokens.LIVE


@pytest.mark.django_db
def test_tokens_are_encrypted_at_rest_and_keys_rotate(
    anna: PortalUser, settings: LazySettings
) -> None:
    def stored() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT access_token FROM portals_portaluser")
            return str(cursor.fetchone()[0])

    plain, old = str(anna.access_token), stored()
    assert plain not in old
    fresh = Fernet.generate_key().decode()
    settings.TOKEN_KEYS = [fresh, *settings.TOKEN_KEYS]
    call_command("rotate_token_keys")
    assert stored() != old
    settings.TOKEN_KEYS = [fresh]
    assert PortalUser.objects.get(pk=anna.pk).access_token == plain
    settings.TOKEN_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UnreadableSecret):
        PortalUser.objects.get(pk=anna.pk)
