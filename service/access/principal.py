"""The holder of a checked key."""

from msgspec import Struct

from service.access.ports import Scope
from service.core.errors import NotAuthorized


class Principal(Struct, frozen=True, kw_only=True):
    """Who is asking: the key, its tenant and what it may do."""

    key_id: str
    tenant: str
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raises `NotAuthorized` unless the key has `scope`."""
        if scope not in self.scopes:
            raise NotAuthorized(required_scope=scope)
