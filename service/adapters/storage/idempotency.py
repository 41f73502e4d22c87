"""Idempotency keys in a table, as digests; answers encrypted.

The key that opens an answer is made from the service's secret and the client's key, which the table has
not: neither a stolen database nor the service's own secret beside it tells what was answered.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Update, and_, bindparam, delete, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.sealing import Seal
from service.adapters.storage.tables import idempotency_keys
from service.idempotency.ports import (
    Attempt,
    Claim,
    IdempotencyStoreUnavailable,
    KeyedRequest,
    RecordedAnswer,
)

_row = idempotency_keys.c
_IS_FREE = or_(
    and_(_row.status.is_(None), _row.lease_expires_at <= bindparam("now")),
    and_(_row.status.is_not(None), _row.expires_at <= bindparam("now")),
)
_IS_THE_ATTEMPTS = and_(
    _row.tenant == bindparam("of_tenant"),
    _row.key == bindparam("of_key"),
    _row.attempt_id == bindparam("of_attempt"),
    _row.status.is_(None),
)


class SqlIdempotencyStore:
    """The IdempotencyStore port."""

    def __init__(self, engine: AsyncEngine, *, secret: bytes) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        self._seal = Seal.of_secret(secret, purpose="idempotency")
        dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(idempotency_keys)
        self._claim = insert.on_conflict_do_update(
            index_elements=[_row.tenant, _row.key],
            set_={column.name: insert.excluded[column.name] for column in idempotency_keys.c},
            where=_IS_FREE,
        ).returning(_row.attempt_id)

    async def claim(
        self,
        attempt: Attempt,
        *,
        now: datetime,
        lease_expires_at: datetime,
        expires_at: datetime,
    ) -> Claim:
        """Take the key if it is free: never used, released, or its lease or its answer has expired."""
        request = attempt.request
        seal = self._seal_of(request)
        fingerprint = seal.digest(request.fingerprint)
        values = {
            "tenant": request.tenant,
            "key": seal.digest(),
            "fingerprint": fingerprint,
            "attempt_id": attempt.id,
            "lease_expires_at": lease_expires_at,
            "created_at": now,
            "expires_at": expires_at,
            "status": None,
            "media_type": None,
            "body": None,
        }
        query = select(idempotency_keys).where(
            _row.tenant == request.tenant, _row.key == seal.digest()
        )
        async with self._connection() as connection:
            granted = await connection.execute(self._claim, values | {"now": now})
            if granted.first() is not None:
                return "granted"
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return "in_flight"  # until a moment ago; the next try will find the key free
        if row.fingerprint != fingerprint:
            return "other_request"
        if row.status is None:
            return "in_flight"
        return RecordedAnswer(
            status=row.status,
            media_type=row.media_type,
            body=seal.decrypt(row.body, context=fingerprint),
        )

    async def renew(self, attempts: Sequence[Attempt], *, lease_expires_at: datetime) -> None:
        """Prolong the leases of those that still have their key."""
        renewal = (
            update(idempotency_keys)
            .where(_IS_THE_ATTEMPTS)
            .values(lease_expires_at=lease_expires_at)
        )
        async with self._connection() as connection:
            await connection.execute(renewal, [self._names(attempt) for attempt in attempts])

    async def complete(
        self, attempt: Attempt, answer: RecordedAnswer, *, expires_at: datetime
    ) -> bool:
        """Keep the answer until `expires_at`; False if the attempt has lost its key meanwhile."""
        seal = self._seal_of(attempt.request)
        context = seal.digest(attempt.request.fingerprint)
        completion = (
            update(idempotency_keys)
            .where(_IS_THE_ATTEMPTS)
            .values(
                status=answer.status,
                media_type=answer.media_type,
                body=seal.encrypt(answer.body, context=context),
                expires_at=expires_at,
            )
        )
        return await self._change(completion, self._names(attempt)) == 1

    async def release(self, attempt: Attempt) -> None:
        """Free the key, if it is this attempt's and not yet answered."""
        await self._change(delete(idempotency_keys).where(_IS_THE_ATTEMPTS), self._names(attempt))

    async def purge(self, *, now: datetime, limit: int) -> int:
        """Forget at most `limit` attempts that have expired; returns how many."""
        expired = (
            select(_row.tenant, _row.key)
            .where(_row.expires_at <= now, _IS_FREE)
            .order_by(_row.expires_at)
            .limit(limit)
        )
        purge = delete(idempotency_keys).where(tuple_(_row.tenant, _row.key).in_(expired), _IS_FREE)
        return await self._change(purge, {"now": now})

    async def _change(self, statement: Update | Delete, values: dict[str, Any]) -> int:
        async with self._connection() as connection:
            return (await connection.execute(statement, values)).rowcount

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except self._outages as error:
            raise IdempotencyStoreUnavailable("idempotency keys cannot be asked for now") from error

    def _seal_of(self, request: KeyedRequest) -> Seal:
        return self._seal.within(request.tenant, request.key)

    def _names(self, attempt: Attempt) -> dict[str, str]:
        request = attempt.request
        return {
            "of_tenant": request.tenant,
            "of_key": self._seal_of(request).digest(),
            "of_attempt": attempt.id,
        }
