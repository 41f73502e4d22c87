"""Who may do what to which key.

`admin` rules the keys of its own tenant, `operator` those of all. Nobody hands out, changes or ends more
than they have: an admin needs every scope of the key, while an operator counts as having all. A key that is
in use never changes itself, but for its name and its secret, so that nobody locks themselves out: what else
is to be changed, another key changes, or the console.
"""

from collections.abc import Iterable

from service.access.ports import ApiKey, Scope
from service.access.principal import Principal
from service.core.errors import Conflict


def reach(caller: Principal) -> str | None:
    """The tenant whose keys the caller sees; None: all tenants."""
    return None if "operator" in caller.scopes else caller.tenant


def check_tenant(caller: Principal, tenant: str) -> None:
    """Raises `NotAuthorized` unless the caller rules the tenant."""
    if tenant != caller.tenant:
        caller.require("operator")


def check_covers(caller: Principal, scopes: Iterable[Scope]) -> None:
    """Raises `NotAuthorized`, naming a scope that the caller lacks, unless there is none."""
    if "operator" not in caller.scopes:
        for scope in scopes:
            caller.require(scope)


def check_is_not_in_use(caller: Principal, key: ApiKey) -> None:
    """Raises `Conflict` for the key that the caller is using."""
    if key.id == caller.key_id:
        raise Conflict(
            "This is the key in use: only its name can be changed, and its secret rotated"
        )


def check_is_no_token(key: ApiKey) -> None:
    """Raises `Conflict` for a browser token."""
    if key.parent_id is not None:
        raise Conflict("This is a browser token: it can only be revoked")
