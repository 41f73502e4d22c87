"""Prompts in tables."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, Text, and_, delete, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import UpdateBase

from service.adapters.storage.engine import one_statement_at_a_time, outages, transaction
from service.adapters.storage.tables import prompt_labels, prompt_versions, prompts
from service.prompts.definitions import Definition, PromptVersion
from service.prompts.ports import PromptStoreUnavailable
from service.prompts.templates import Variable

_version = prompt_versions.c
_label = prompt_labels.c
_HAS_THE_LABEL = and_(
    _label.tenant == _version.tenant,
    _label.name == _version.name,
    _label.version == _version.version,
)
_IS_THE_LATEST = and_(
    prompts.c.tenant == _version.tenant,
    prompts.c.name == _version.name,
    prompts.c.latest_version == _version.version,
)


class SqlPromptStore:
    """The PromptStore port."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._transactions = engine
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        self._dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
        first = self._dialect.insert(prompts).values(latest_version=1)
        self._next_number = first.on_conflict_do_update(
            index_elements=[prompts.c.tenant, prompts.c.name],
            set_={"latest_version": prompts.c.latest_version + 1},
        ).returning(prompts.c.latest_version)

    async def add(
        self, definition: Definition, *, tenant: str, name: str, key_id: str, now: datetime
    ) -> PromptVersion:
        """The latest version if it says just this, else a new one with the next number."""
        # The number comes first: whoever has it has the prompt to themselves until the transaction ends.
        async with self._transaction() as connection:
            number = await connection.scalar(self._next_number, {"tenant": tenant, "name": name})
            latest = _first((await connection.execute(_latest(tenant, name))).mappings().all())
            if latest is not None and latest.definition == definition:
                await connection.rollback()  # the number is not used up
                return latest
            made = PromptVersion(
                name=name, version=number, definition=definition, key_id=key_id, created_at=now
            )
            await connection.execute(insert(prompt_versions), _row(made, tenant))
        return made

    async def find(
        self, *, tenant: str, name: str, version: int | None = None, label: str | None = None
    ) -> PromptVersion | None:
        """The version with that number or that label, or, if neither is said, the latest."""
        query = _latest(tenant, name)
        if version is not None:
            query = query.where(_version.version == version)
        if label is not None:
            query = query.join(prompt_labels, _HAS_THE_LABEL).where(_label.label == label)
        return _first(await self._rows(query))

    async def list_latest(
        self, *, tenant: str, limit: int, after: str | None = None
    ) -> list[PromptVersion]:
        """The latest versions of up to `limit` prompts, by name, from behind the name `after`."""
        query = select(prompt_versions).join(prompts, _IS_THE_LATEST)
        query = query.where(_version.tenant == tenant)
        if after is not None:
            query = query.where(_version.name > after)
        rows = await self._rows(query.order_by(_version.name).limit(limit))
        return [_prompt_version(row) for row in rows]

    async def list_versions(
        self, *, tenant: str, name: str, limit: int, before: int | None = None
    ) -> list[PromptVersion]:
        """Up to `limit` versions, the latest first, from below the number `before`."""
        query = _versions(tenant, name)
        if before is not None:
            query = query.where(_version.version < before)
        return [_prompt_version(row) for row in await self._rows(query.limit(limit))]

    async def labels(self, *, tenant: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """By the name of a prompt: its labels, each with the version that it is on."""
        query = select(prompt_labels).where(_label.tenant == tenant, _label.name.in_(names))
        found: dict[str, dict[str, int]] = {name: {} for name in names}
        for row in await self._rows(query.order_by(_label.label)):
            found[row["name"]][row["label"]] = row["version"]
        return found

    async def put_label(self, *, tenant: str, name: str, label: str, version: int) -> bool:
        """Put a label on a version, off any other; False if there is no such version."""
        there = select(
            _version.tenant, _version.name, literal(label, Text), _version.version
        ).where(_version.tenant == tenant, _version.name == name, _version.version == version)
        put = self._dialect.insert(prompt_labels).from_select(
            ["tenant", "name", "label", "version"], there
        )
        return await self._execute(
            put.on_conflict_do_update(
                index_elements=[_label.tenant, _label.name, _label.label],
                set_={"version": put.excluded.version},
            )
        )

    async def delete_label(self, *, tenant: str, name: str, label: str) -> bool:
        """False if there is no such label."""
        return await self._execute(
            delete(prompt_labels).where(
                _label.tenant == tenant, _label.name == name, _label.label == label
            )
        )

    async def delete(self, *, tenant: str, name: str) -> bool:
        """Delete all versions, and with them their labels; False if there are none."""
        return await self._execute(
            delete(prompt_versions).where(_version.tenant == tenant, _version.name == name)
        )

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        async with self._connection() as connection:
            return (await connection.execute(query)).mappings().all()

    async def _execute(self, statement: UpdateBase) -> bool:
        """Whether it touched anything."""
        async with self._connection() as connection:
            return (await connection.execute(statement)).rowcount > 0

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except self._outages as error:
            raise PromptStoreUnavailable("prompts cannot be asked for now") from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with transaction(self._transactions) as connection:
                yield connection
        except self._outages as error:
            raise PromptStoreUnavailable("prompts cannot be kept now") from error


def _versions(tenant: str, name: str) -> Select[Any]:
    """All of a prompt, the latest first."""
    return (
        select(prompt_versions)
        .where(_version.tenant == tenant, _version.name == name)
        .order_by(_version.version.desc())
    )


def _latest(tenant: str, name: str) -> Select[Any]:
    return _versions(tenant, name).limit(1)


def _row(made: PromptVersion, tenant: str) -> dict[str, Any]:
    definition = msgspec.structs.asdict(made.definition)
    return {
        **definition,
        "variables": msgspec.to_builtins(definition["variables"]),
        "tenant": tenant,
        "name": made.name,
        "version": made.version,
        "key_id": made.key_id,
        "created_at": made.created_at,
    }


def _prompt_version(row: RowMapping) -> PromptVersion:
    return PromptVersion(
        name=row["name"],
        version=row["version"],
        definition=Definition(
            template=row["template"],
            system=row["system"],
            variables=msgspec.convert(row["variables"], dict[str, Variable]),
            defaults=row["defaults"],
        ),
        key_id=row["key_id"],
        created_at=row["created_at"],
    )


def _first(rows: Sequence[RowMapping]) -> PromptVersion | None:
    return _prompt_version(rows[0]) if rows else None
