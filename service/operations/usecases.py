"""Working out whether the service can take work."""

from collections.abc import Mapping, Sequence
from typing import Literal

from service.inference.breaker import BreakerState
from service.inference.ports import ResponseCache
from service.inference.routing import Router
from service.operations.draining import Draining
from service.operations.schemas import CacheState, Checks, Readiness
from service.usage.ports import Ledger, LedgerUnavailable

ProviderState = Literal["ok", "degraded", "unavailable"]


class Operations:
    """What the endpoints of this room ask for."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        cache: ResponseCache | None,
        router: Router,
        providers: Sequence[str],
        draining: Draining,
    ) -> None:
        self._ledger = ledger
        self._cache = cache
        self._router = router
        self._providers = providers
        self._draining = draining

    async def readiness(self) -> Readiness:
        """Unavailable while draining or without a database; degraded while a provider is failing."""
        try:
            await self._ledger.ping()
            database: Literal["ok", "unavailable"] = "ok"
        except LedgerUnavailable:
            database = "unavailable"
        providers = provider_states(self._providers, self._router.states())
        checks = Checks(database=database, cache=self._cache_state(), providers=providers)
        if self._draining.has_begun or database == "unavailable":
            return Readiness(status="unavailable", checks=checks)
        all_well = checks.cache != "degraded" and set(providers.values()) <= {"ok"}
        return Readiness(status="ready" if all_well else "degraded", checks=checks)

    def _cache_state(self) -> CacheState:
        if self._cache is None:
            return "off"
        return "ok" if self._cache.is_healthy else "degraded"


def provider_states(
    providers: Sequence[str], breakers: Mapping[str, BreakerState]
) -> dict[str, ProviderState]:
    """Each provider by its targets' breakers, which are keyed by `provider/model`."""
    return {
        name: _state([b for target, b in breakers.items() if target.startswith(f"{name}/")])
        for name in providers
    }


def _state(breakers: list[BreakerState]) -> ProviderState:
    open_ones = sum(state is BreakerState.OPEN for state in breakers)
    if not open_ones:
        return "ok"
    return "unavailable" if open_ones == len(breakers) else "degraded"
