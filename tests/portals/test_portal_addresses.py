"""Where a portal may say that it is. The authorization server repeats it; the app calls it."""

import pytest
from django.conf import LazySettings
from django.test import Client

from b24app.bitrix24 import errors
from b24app.portals.models import Portal
from b24app.portals.tokens import checked_endpoint
from demo.server import DemoPortal
from testing.opening import install


@pytest.mark.parametrize(
    "endpoint",
    ["http://company.example/rest/", "https://localhost/rest/", "https://u@company.example/rest/"],
)
def test_address_that_may_not_be_called_counts_as_closed(
    settings: LazySettings, endpoint: str
) -> None:
    settings.B24_ALLOW_HTTP = False
    with pytest.raises(errors.PortalClosed):
        checked_endpoint(endpoint)


def test_address_over_https_is_called(settings: LazySettings) -> None:
    settings.B24_ALLOW_HTTP = False
    assert checked_endpoint("https://company.example/rest") == "https://company.example/rest/"


def test_demo_portal_is_called_over_http() -> None:
    assert checked_endpoint("http://127.0.0.1:8070/rest/") == "http://127.0.0.1:8070/rest/"


@pytest.mark.django_db
def test_portal_on_this_machine_is_not_installed_without_the_setting(
    client: Client, portal: DemoPortal, settings: LazySettings
) -> None:
    settings.B24_ALLOW_HTTP = False
    portal.reset_counts()
    assert install(client, portal).state == "portal-closed"
    assert (portal.http_requests, Portal.objects.count()) == (0, 0)
