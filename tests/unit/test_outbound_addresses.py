"""Which addresses and URLs may be asked."""

import pytest

from service.adapters.outbound.addresses import is_public
from service.adapters.outbound.urls import read_url
from service.core.outbound import UrlRefused

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:1.1.1.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:7f00:1::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:101:101::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2130706433",
    "0177.0.0.1",
    "example.com",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_that_anybody_may_have_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_another_kind_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/a?b=c", "https://example.com/a?b=c"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://ⓔxample。com/", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
    ],
)
def test_a_url_is_read_as_a_browser_does(text: str, read: str) -> None:
    found = read_url(text, allowed_hosts=())
    assert (found.text, found.is_allowed) == (read, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "//example.com/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com/#fragment",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://[fe80::1%25eth0]/",
        f"https://example.com/{'a' * 2048}",
        "https://127.0.0.1/",
        "https://127.0.0.1./",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127。0。0。1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://127%2e0%2e0%2e1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://localhost/",
        "https://localhost./",
        "https://LOCALHOST/",
        "https://app.localhost/",
        "https://metadata/",
        "https://metadata.google.internal/",
        "https://metadata.google.internal./",
        "https://printer.local/",
        "https://router.home.arpa/",
    ],
)
def test_a_url_that_may_not_be_asked_is_refused_without_asking_anybody(text: str) -> None:
    with pytest.raises(UrlRefused):
        read_url(text, allowed_hosts=())


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:8080", "hooks.internal", "[::1]:8080"])
def test_what_the_operator_allows_may_be_asked_over_http_too(allowed: str) -> None:
    port = "" if ":8080" in allowed else ":8080"
    assert read_url(f"http://{allowed}{port}/hooks", allowed_hosts={allowed}).is_allowed


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8081/",
        "http://127.0.0.1/",
        "http://127.0.0.2:8080/",
        "http://hooks.internal.example.com:8080/",
        "http://evil.hooks.internal/",
        "http://127.0.0.1:8080@example.com/",
    ],
)
def test_what_only_looks_like_it_is_not_allowed(text: str) -> None:
    with pytest.raises(UrlRefused):
        read_url(text, allowed_hosts={"127.0.0.1:8080", "hooks.internal"})
