"""Where a portal may say that it is. The authorization server repeats it; the app calls it."""

import pytest
from django.conf import LazySettings
from django.test import Client

from b24app.bitrix24 import errors
from b24app.portals.models import Portal
from b24app.portals.tokens import checked_endpoint
from demo.server import DemoPortal
from tests.opening import install

INSIDE = [
    "127.0.0.1", "127.0.0.1:8000", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0",
    "0.0.0.0", "localhost",  # noqa: S104 - nothing is bound
    "localhost.", "LOCALHOST:6379", "app.localhost", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[fe80::1]", "169.254.169.254", "224.0.0.1",
    "240.0.0.1", "10.1", "127.0.0.1.",
]  # fmt: skip

ODD = [
    "user@company.example", "user:secret@company.example", "company.example@127.0.0.1",
    "company.example:0", "company.example:99999", "company.example:x", "company.example\\@evil.example",
    "компания.example", "company.example;evil", "company .example", "", "[::1", "[fe80::1%25eth0]",
]  # fmt: skip

GOOD = [
    "company.bitrix24.com", "crm.company.example:8443", "xn--80awhdgm.xn--p1ai", "192.168.1.20",
    "10.0.0.5:8443", "[fd00::5]", "bitrix",
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE + ODD)
def test_this_machine_and_odd_addresses_are_never_called(settings: LazySettings, host: str) -> None:
    settings.B24_ALLOW_HTTP = False
    with pytest.raises(errors.PortalClosed):
        checked_endpoint(f"https://{host}/rest/")


@pytest.mark.parametrize("host", GOOD)
def test_names_and_an_offices_own_network_are(settings: LazySettings, host: str) -> None:
    settings.B24_ALLOW_HTTP = False
    assert checked_endpoint(f"https://{host}/rest") == f"https://{host}/rest/"
    with pytest.raises(errors.PortalClosed):
        checked_endpoint(f"http://{host}/rest/")


@pytest.mark.parametrize("host", ODD)
def test_for_a_demo_odd_ones_are_refused_too(host: str) -> None:
    assert checked_endpoint("http://127.0.0.1:8070/rest/") == "http://127.0.0.1:8070/rest/"
    with pytest.raises(errors.PortalClosed):
        checked_endpoint(f"http://{host}/rest/")


@pytest.mark.parametrize(
    "endpoint",
    [
        "ftp://company.example/",
        "file:///etc/passwd",
        "//company.example/",
        "https://company.example/rest/?x",
        "https://company.example/#x",
    ],
)
def test_other_schemes_are_refused(endpoint: str) -> None:
    with pytest.raises(errors.PortalClosed):
        checked_endpoint(endpoint)


@pytest.mark.django_db
def test_a_portal_on_this_machine_is_not_installed_without_the_setting(
    client: Client, portal: DemoPortal, settings: LazySettings
) -> None:
    settings.B24_ALLOW_HTTP = False
    portal.reset_counts()
    assert install(client, portal).state == "portal-closed"
    assert (portal.http_requests, Portal.objects.count()) == (0, 0)
