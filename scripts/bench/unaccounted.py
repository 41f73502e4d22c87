"""The service without its accounting: what a call costs when nobody is asked for a key, nothing is counted,
held or written. Run as a module it serves, as `python -m service serve` does."""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import cast

import uvicorn
from fastapi import FastAPI

from service import server
from service.access.authentication import Authenticator
from service.access.ports import ALL_SCOPES
from service.access.principal import Principal
from service.adapters.storage import Storage
from service.adapters.storage.ledger import GroupCommitLedger
from service.bootstrap import Services, open_services, wire
from service.observability.metrics import Metrics
from service.settings import Settings
from service.usage.ports import Intent, Reservation, Settlement
from service.web.protocol import EnvelopeProtocol


class _Anybody:
    """Stands for the authenticator."""

    _holder = Principal(key_id="key_bench", tenant="default", scopes=frozenset(ALL_SCOPES))

    async def authenticate(self, _secret: str) -> Principal:
        """Whoever it is."""
        return self._holder

    def forget(self) -> None:
        """Nothing is remembered."""


class _NoLedger:
    """Stands for the ledger's hot path."""

    async def open(
        self,
        _intent: Intent,
        _reservation: Reservation | None = None,
        *,
        again: bool = False,
    ) -> Decimal | None:
        """Nothing is held."""
        return None

    def settle(self, _settlement: Settlement, _intent: Intent | None = None) -> Future[None]:
        """Nothing is written."""
        done: Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


def _without_ledger(storage: Storage) -> Storage:
    bare = copy(storage)
    bare.ledger = cast(GroupCommitLedger, _NoLedger())
    return bare


@asynccontextmanager
async def _open_services(settings: Settings, *, metrics: Metrics) -> AsyncIterator[Services]:
    async with open_services(settings, metrics=metrics) as services:
        parts = services.parts
        yield wire(
            replace(
                parts,
                storage=_without_ledger(parts.storage),
                authenticator=cast(Authenticator, _Anybody()),
            )
        )


def make_app() -> FastAPI:
    """As the service's own workers make theirs."""
    return server.make_app(open_services=_open_services)


if __name__ == "__main__":
    settings = Settings()
    uvicorn.run(
        "scripts.bench.unaccounted:make_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=EnvelopeProtocol,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
