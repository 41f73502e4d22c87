"""The holder of a checked key."""

from datetime import datetime

from msgspec import Struct

from service.access.ports import Budget, RateLimits, Sanitize, Scope
from service.core.errors import NotAuthorized


class OwnedLimits(Struct, frozen=True, kw_only=True):
    """Limits and whose they are: the id of a key or a browser token, or `tenant:ID`."""

    owner: str
    limits: RateLimits


class OwnedBudget(Struct, frozen=True, kw_only=True):
    """A budget and whose it is: the id of a key or a browser token, or `tenant:ID`."""

    owner: str
    budget: Budget


class Principal(Struct, frozen=True, kw_only=True):
    """Who is asking: the key, its tenant, what it may do and how much it may use up.

    Who comes with a browser token has the `key_id` of the key that it was minted from, and the token's
    own id as `token_id`. `limits` and `budgets` are all that apply at once: the token's, the key's and
    the tenant's. `rotation_due_at` is there for a key that is to be rotated some day.
    """

    key_id: str
    tenant: str
    scopes: frozenset[Scope]
    token_id: str | None = None
    limits: tuple[OwnedLimits, ...] = ()
    budgets: tuple[OwnedBudget, ...] = ()
    sanitize: Sanitize = "none"
    semantic_cache: float | None = None
    rotation_due_at: datetime | None = None

    def require(self, scope: Scope) -> None:
        """Raises `NotAuthorized` unless the key has `scope`."""
        if scope not in self.scopes:
            raise NotAuthorized(required_scope=scope)
