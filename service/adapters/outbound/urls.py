"""Which URLs may be asked, and how they are read: once, so that no two readers can differ.

The reader is pydantic's, which follows the WHATWG's rules as browsers do: `https://0x7f.1/` and
`https://127。0。0。1/` are `https://127.0.0.1/`, and a name is in punycode.
"""

from collections.abc import Collection
from ipaddress import ip_address

from msgspec import Struct
from pydantic_core import Url, ValidationError

from service.adapters.outbound.addresses import is_public
from service.core.outbound import UrlRefused

_MAX_CHARACTERS = 2048
_LOCAL_DOMAINS = frozenset({"localhost", "local", "internal", "localdomain", "arpa"})


class OutboundUrl(Struct, frozen=True):
    """A URL that may be asked. `is_allowed`: by the operator, wherever its host leads."""

    text: str
    is_allowed: bool


def read_url(text: str, *, allowed_hosts: Collection[str]) -> OutboundUrl:
    """The URL, normalised. `allowed_hosts` are hosts, or hosts with a port.

    Raises `UrlRefused`, with a message for who gave it.
    """
    url = _parse(text)
    host = (url.host or "").rstrip(".")
    is_allowed = host in allowed_hosts or f"{host}:{url.port}" in allowed_hosts
    if not is_allowed:
        _check_scheme(url)
        _check_host(host.strip("[]"))
    return OutboundUrl(str(url), is_allowed)


def _parse(text: str) -> Url:
    if len(text) > _MAX_CHARACTERS:
        raise UrlRefused(f"This URL is longer than {_MAX_CHARACTERS} characters")
    try:
        url = Url(text)
    except ValidationError:
        raise UrlRefused("This is no URL") from None
    if url.scheme not in ("https", "http") or not url.host:
        raise UrlRefused("This must be an https URL")
    if url.username or url.password:
        raise UrlRefused("This URL must not hold a user name or a password")
    if url.fragment is not None:
        raise UrlRefused("This URL must not have a fragment")
    return url


def _check_scheme(url: Url) -> None:
    if url.scheme != "https":
        raise UrlRefused("This must be an https URL")


def _check_host(host: str) -> None:
    """Refuse what can never be public; where a name leads is seen when it is connected to."""
    try:
        ip_address(host)
    except ValueError:
        is_local = "." not in host or host.rpartition(".")[2] in _LOCAL_DOMAINS
    else:
        is_local = not is_public(host)
    if is_local:
        raise UrlRefused("This URL must lead to a public address")
