"""Addresses of portals: which are stored and which are called."""

import pytest

from b24app.bitrix24.endpoints import BadEndpoint, is_host, may_be_called, rest_base, same_host

THIS_MACHINE = [
    "127.0.0.1", "127.0.0.1:8000", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0",
    "0.0.0.0", "localhost",  # noqa: S104 - nothing is bound
    "localhost.", "LOCALHOST:6379", "app.localhost", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[fe80::1]", "169.254.169.254", "224.0.0.1",
    "240.0.0.1", "10.1", "127.0.0.1.",
]  # fmt: skip

NOT_HOSTS = [
    "user@company.example", "user:secret@company.example", "company.example@127.0.0.1",
    "company.example:0", "company.example:99999", "company.example:x", "company.example\\@evil.example",
    "компания.example", "company.example;evil", "company .example", "", "[::1", "[fe80::1%25eth0]",
    "company.example\n", "company.example?x", "company.example:", "[v1.fe]",
]  # fmt: skip

ELSEWHERE = [
    "company.bitrix24.com", "crm.company.example:8443", "xn--80awhdgm.xn--p1ai", "192.168.1.20",
    "10.0.0.5:8443", "[fd00::5]", "[fd00::5]:8443", "bitrix",
]  # fmt: skip

NOT_BASES = [
    None, 5, b"https://company.example/rest/", "", "company.example/rest/", "//company.example/rest/",
    "ftp://company.example/rest/", "file:///rest/", "https:///rest/", "https://company.example/",
    "https://company.example/other/", "https://company.example/rest/?x", "https://company.example/rest/#x",
    "https://company.example/rest/?x=/rest/", "https://company.example/\\rest/",
    "https://company.example/\n/rest/", "https://company.example/ё/rest/", "https://[::1/rest/",
]  # fmt: skip


@pytest.mark.parametrize("host", THIS_MACHINE + ELSEWHERE)
def test_host_with_or_without_port_is_accepted(host: str) -> None:
    assert is_host(host)
    assert rest_base(f"https://{host}/rest") == f"https://{host}/rest/"


@pytest.mark.parametrize("host", NOT_HOSTS)
def test_only_bare_host_is_accepted(host: str) -> None:
    assert not is_host(host)
    with pytest.raises(BadEndpoint):
        rest_base(f"https://{host}/rest/")


@pytest.mark.parametrize("address", NOT_BASES)
def test_only_rest_base_is_accepted(address: object) -> None:
    with pytest.raises(BadEndpoint):
        rest_base(address)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_remote_hosts_require_https(host: str) -> None:
    assert may_be_called(f"https://{host}/rest/", allow_http=False)
    assert not may_be_called(f"http://{host}/rest/", allow_http=False)
    assert may_be_called(f"http://{host}/rest/", allow_http=True)


@pytest.mark.parametrize("host", THIS_MACHINE)
def test_only_demo_may_call_this_machine(host: str) -> None:
    assert not may_be_called(f"https://{host}/rest/", allow_http=False)
    assert may_be_called(f"http://{host}/rest/", allow_http=True)


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("https://a.example/rest/", "https://a.example/x", True),
        ("https://a.example/rest/", "https://b.example/rest/", False),
        ("https://a.example/rest/", "https://a.example:8443/rest/", False),
        ("https://a.example/rest/", "https://u@a.example/rest/", False),
    ],
)
def test_same_host(text: str, other: str, same: bool) -> None:
    assert same_host(text, other) is same
