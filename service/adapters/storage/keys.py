"""API keys in a table."""

from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.access.ports import ApiKey, KeyStoreUnavailable
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
                await connection.execute(self._put, asdict(key))
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
        if row is None:
            return None
        values: dict[str, Any] = dict(row)
        return ApiKey(**values | {"scopes": tuple(row["scopes"])})
