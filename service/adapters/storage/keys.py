"""API keys and tenants in tables."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    Executable,
    RowMapping,
    Table,
    Update,
    UpdateBase,
    case,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.access.ports import (
    ApiKey,
    Budget,
    KeySettings,
    KeyStoreUnavailable,
    RateLimits,
    ResolvedKey,
    Tenant,
)
from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.tables import UtcTime, api_keys, tenants

_USES_A_STATEMENT = 1_000  # SQLite and asyncpg take some 32,000 parameters; each use has five

_parents = api_keys.alias("parents")
# Every column under a name of its own: `key_id`, `parent_id`, `tenant_id`.
_RESOLVED = select(
    *(column.label(f"key_{column.name}") for column in api_keys.c),
    *(column.label(f"parent_{column.name}") for column in _parents.c),
    *(column.label(f"tenant_{column.name}") for column in tenants.c),
).select_from(
    api_keys.outerjoin(_parents, _parents.c.id == api_keys.c.parent_id).outerjoin(
        tenants, tenants.c.id == api_keys.c.tenant
    )
)


class SqlKeyStore:
    """The KeyStore port. Not asked per request: access keeps what it has found for a while."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        self._dialect = sqlite if engine.dialect.name == "sqlite" else postgresql

    async def resolve(self, digest: str) -> ResolvedKey | None:
        """The key whose secret, or whose secret before the last rotation, has this digest."""
        query = (
            _RESOLVED.where(or_(api_keys.c.digest == digest, api_keys.c.previous_digest == digest))
            # The configured admin key may be what another key once was.
            .order_by((api_keys.c.digest == digest).desc())
            .limit(1)
        )
        rows = await self._rows(query)
        return _resolved(rows[0]) if rows else None

    async def find(self, key_id: str, *, tenant: str | None) -> ApiKey | None:
        """The key with this id, whatever its state; of this tenant only, unless that is None."""
        query = select(api_keys).where(api_keys.c.id == key_id)
        if tenant is not None:
            query = query.where(api_keys.c.tenant == tenant)
        return _first_key(await self._rows(query))

    async def list_keys(
        self, *, tenant: str | None, limit: int, before: str | None = None
    ) -> list[ApiKey]:
        """Up to `limit` keys, the newest first (ids sort by time; the admin key leads), without tokens."""
        query = select(api_keys).where(api_keys.c.parent_id.is_(None))
        if tenant is not None:
            query = query.where(api_keys.c.tenant == tenant)
        if before is not None:
            query = query.where(api_keys.c.id < before)
        rows = await self._rows(query.order_by(api_keys.c.id.desc()).limit(limit))
        return [_key(dict(row)) for row in rows]

    async def add(self, key: ApiKey) -> bool:
        """Store the key; False if one of this id or digest is there, which stays as it is."""
        insert = self._dialect.insert(api_keys).on_conflict_do_nothing()
        return await self._execute(insert.values(_spread(asdict(key)))) == 1

    async def put(self, key: ApiKey) -> None:
        """Store the key, replacing one of the same id.

        Raises `ValueError` if a key of another id has the digest.
        """
        try:
            await self._upsert(api_keys, _spread(asdict(key)))
        except IntegrityError as error:
            raise ValueError("another key has this digest") from error

    async def change(self, key_id: str, *, tenant: str, changes: KeySettings) -> ApiKey | None:
        """The key as it now is; None if there is none that is not revoked."""
        return await self._change(_living(key_id, tenant).values(**_spread(dict(changes))))

    async def rotate(
        self,
        key_id: str,
        *,
        tenant: str,
        digest: str,
        prefix: str,
        now: datetime,
        previous_expires_at: datetime | None,
    ) -> ApiKey | None:
        """Give the key another secret; its former one works until `previous_expires_at`, if at all."""
        return await self._change(
            _living(key_id, tenant).values(
                digest=digest,
                prefix=prefix,
                rotated_at=now,
                previous_digest=None if previous_expires_at is None else api_keys.c.digest,
                previous_expires_at=previous_expires_at,
            )
        )

    async def revoke(self, key_id: str, *, tenant: str, now: datetime) -> None:
        """End the key and its browser tokens; one that is revoked stays as it is."""
        await self._execute(
            update(api_keys)
            .where(or_(api_keys.c.id == key_id, api_keys.c.parent_id == key_id))
            .where(api_keys.c.tenant == tenant, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """Keep when keys were last used, by id. A later time that is there already stays."""
        ids = list(uses)
        for start in range(0, len(ids), _USES_A_STATEMENT):
            some = ids[start : start + _USES_A_STATEMENT]
            used_at = case(
                {key_id: literal(uses[key_id], UtcTime) for key_id in some}, value=api_keys.c.id
            )
            last = api_keys.c.last_used_at
            await self._execute(
                update(api_keys)
                .where(api_keys.c.id.in_(some), or_(last.is_(None), last < used_at))
                .values(last_used_at=used_at)
            )

    async def delete_tokens(self, *, expired_before: datetime) -> int:
        """Delete the browser tokens that expired before; returns how many."""
        statement = delete(api_keys).where(
            api_keys.c.parent_id.is_not(None), api_keys.c.expires_at < expired_before
        )
        return await self._execute(statement)

    async def find_tenant(self, tenant_id: str) -> Tenant:
        """The tenant; one without bounds if nothing is kept of it."""
        rows = await self._rows(select(tenants).where(tenants.c.id == tenant_id))
        return Tenant(**_gathered(dict(rows[0]))) if rows else Tenant(id=tenant_id)

    async def put_tenant(self, tenant: Tenant) -> None:
        """Store the tenant, replacing what was there."""
        await self._upsert(tenants, _spread(asdict(tenant)))

    async def _upsert(self, table: Table, values: dict[str, Any]) -> None:
        insert = self._dialect.insert(table)
        replaced = {column.name: insert.excluded[column.name] for column in table.c}
        await self._execute(
            insert.on_conflict_do_update(index_elements=[table.c.id], set_=replaced).values(values)
        )

    async def _change(self, statement: Update) -> ApiKey | None:
        return _first_key(await self._rows(statement.returning(*api_keys.c)))

    async def _rows(self, statement: Executable) -> Sequence[RowMapping]:
        async with self._connection() as connection:
            return (await connection.execute(statement)).mappings().all()

    async def _execute(self, statement: UpdateBase) -> int:
        """How many rows it touched."""
        async with self._connection() as connection:
            return (await connection.execute(statement)).rowcount

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except IntegrityError:
            raise
        except self._outages as error:
            raise KeyStoreUnavailable("the key store cannot be asked now") from error


def _living(key_id: str, tenant: str) -> Update:
    return update(api_keys).where(
        api_keys.c.id == key_id, api_keys.c.tenant == tenant, api_keys.c.revoked_at.is_(None)
    )


def _spread(values: dict[str, Any]) -> dict[str, Any]:
    """Fields as columns: limits and a budget, where there are any, have a column for each of theirs."""
    if "limits" in values:
        limits: RateLimits = values.pop("limits")
        values["requests_per_minute"] = limits.requests_per_minute
        values["tokens_per_minute"] = limits.tokens_per_minute
    if "budget" in values:
        budget: Budget | None = values.pop("budget")
        values["budget_limit_usd"] = budget.limit_usd if budget else None
        values["budget_period"] = budget.period if budget else None
    return values


def _gathered(values: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `_spread`."""
    limits = RateLimits(
        requests_per_minute=values.pop("requests_per_minute"),
        tokens_per_minute=values.pop("tokens_per_minute"),
    )
    limit_usd, period = values.pop("budget_limit_usd"), values.pop("budget_period")
    budget = None if limit_usd is None else Budget(limit_usd=limit_usd, period=period)
    return values | {"limits": limits, "budget": budget}


def _key(values: dict[str, Any]) -> ApiKey:
    return ApiKey(**_gathered(values | {"scopes": tuple(values["scopes"])}))


def _first_key(rows: Sequence[RowMapping]) -> ApiKey | None:
    return _key(dict(rows[0])) if rows else None


def _resolved(row: RowMapping) -> ResolvedKey:
    key = _key(_part(row, "key_", api_keys))
    tenant = _gathered(_part(row, "tenant_", tenants)) | {"id": key.tenant}
    parent = _part(row, "parent_", api_keys)
    return ResolvedKey(
        key=key,
        tenant=Tenant(**tenant),
        parent=None if parent["id"] is None else _key(parent),
    )


def _part(row: RowMapping, prefix: str, table: Table) -> dict[str, Any]:
    return {column.name: row[f"{prefix}{column.name}"] for column in table.c}
