"""API keys in a table."""

from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.access.ports import ApiKey, Budget, KeyStoreUnavailable, RateLimits
from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.tables import api_keys


class SqlKeyStore:
    """The KeyStore port. Not asked per request: access keeps what it has found for a while."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(api_keys)
        self._put = insert.on_conflict_do_update(
            index_elements=[api_keys.c.id],
            set_={column.name: insert.excluded[column.name] for column in api_keys.c},
        )

    async def find_by_digest(self, digest: str) -> ApiKey | None:
        """The key with this digest, whatever its state."""
        return await self._find(api_keys.c.digest == digest)

    async def find(self, key_id: str) -> ApiKey | None:
        """The key with this id, whatever its state."""
        return await self._find(api_keys.c.id == key_id)

    async def put(self, key: ApiKey) -> None:
        """Store the key, replacing one of the same id.

        Raises `ValueError` if a key of another id has the digest.
        """
        try:
            async with self._engine.connect() as connection:
                await connection.execute(self._put, _values(key))
        except IntegrityError as error:
            raise ValueError("another key has this digest") from error
        except self._outages as error:
            raise KeyStoreUnavailable("the key store cannot be written now") from error

    async def _find(self, condition: ColumnElement[bool]) -> ApiKey | None:
        try:
            async with self._engine.connect() as connection:
                result = await connection.execute(select(api_keys).where(condition))
                row = result.mappings().one_or_none()
        except self._outages as error:
            raise KeyStoreUnavailable("the key store cannot be read now") from error
        return None if row is None else _key(row)


def _values(key: ApiKey) -> dict[str, Any]:
    values = asdict(key)
    limits, budget = values.pop("limits"), values.pop("budget")
    return values | _bounds(limits, budget)


def _bounds(limits: RateLimits, budget: Budget | None) -> dict[str, Any]:
    return {
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "budget_limit_usd": budget.limit_usd if budget else None,
        "budget_period": budget.period if budget else None,
    }


def _key(row: RowMapping) -> ApiKey:
    values: dict[str, Any] = dict(row)
    values["scopes"] = tuple(row["scopes"])
    return ApiKey(**_with_bounds(values))


def _with_bounds(values: dict[str, Any]) -> dict[str, Any]:
    limits = RateLimits(
        requests_per_minute=values.pop("requests_per_minute"),
        tokens_per_minute=values.pop("tokens_per_minute"),
    )
    limit_usd, period = values.pop("budget_limit_usd"), values.pop("budget_period")
    budget = None if limit_usd is None else Budget(limit_usd=limit_usd, period=period)
    return values | {"limits": limits, "budget": budget}
