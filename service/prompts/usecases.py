"""Keeping prompts, and filling them in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from service.access.principal import Principal
from service.core.clock import Clock
from service.core.errors import NotFound, Unavailable
from service.prompts.definitions import (
    Choice,
    Definition,
    LabelledVersion,
    PromptVersion,
    RenderedPrompt,
    render,
)
from service.prompts.ports import PromptStore, PromptStoreUnavailable
from service.prompts.templates import Value

_RETRY_AFTER_SECONDS = 5.0


class Prompts:
    """What can be done with the prompts of a caller's tenant.

    Every method raises `Unavailable` if the store is away, and `NotFound` for what is not there or is
    another tenant's.
    """

    def __init__(self, store: PromptStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def put(self, caller: Principal, name: str, definition: Definition) -> LabelledVersion:
        """Make a version, unless the latest says just this."""
        with _outages_told():
            version = await self._store.add(
                definition,
                tenant=caller.tenant,
                name=name,
                key_id=caller.key_id,
                now=self._clock.now(),
            )
            return (await self._labelled(caller, [version]))[0]

    async def get(self, caller: Principal, name: str, choice: Choice) -> LabelledVersion:
        """One version."""
        with _outages_told():
            version = await self._find(caller, name, choice)
            return (await self._labelled(caller, [version]))[0]

    async def list_prompts(
        self, caller: Principal, *, limit: int, after: str | None
    ) -> list[LabelledVersion]:
        """The latest versions of up to `limit` prompts, by name, from behind the name `after`."""
        with _outages_told():
            found = await self._store.list_latest(tenant=caller.tenant, limit=limit, after=after)
            return await self._labelled(caller, found)

    async def list_versions(
        self, caller: Principal, name: str, *, limit: int, before: int | None
    ) -> list[LabelledVersion]:
        """Up to `limit` versions, the latest first, from below the number `before`."""
        with _outages_told():
            found = await self._store.list_versions(
                tenant=caller.tenant, name=name, limit=limit, before=before
            )
            if not found:
                raise NotFound("There is no such prompt")
            return await self._labelled(caller, found)

    async def put_label(
        self, caller: Principal, name: str, label: str, version: int
    ) -> LabelledVersion:
        """Put a label on a version, off any other; the version as it now is."""
        with _outages_told():
            there = await self._store.put_label(
                tenant=caller.tenant, name=name, label=label, version=version
            )
        if not there:
            raise NotFound("There is no such version of a prompt of this name")
        return await self.get(caller, name, Choice(version=version))

    async def delete_label(self, caller: Principal, name: str, label: str) -> None:
        """Take a label away."""
        with _outages_told():
            there = await self._store.delete_label(tenant=caller.tenant, name=name, label=label)
        if not there:
            raise NotFound("There is no such label on a prompt of this name")

    async def delete(self, caller: Principal, name: str) -> None:
        """Delete a prompt with all of its versions and labels."""
        with _outages_told():
            there = await self._store.delete(tenant=caller.tenant, name=name)
        if not there:
            raise NotFound("There is no such prompt")

    async def render(
        self, caller: Principal, name: str, choice: Choice, variables: Mapping[str, Value]
    ) -> RenderedPrompt:
        """One version, filled in. Raises `InvalidRequest` for variables that do not fit."""
        with _outages_told():
            version = await self._find(caller, name, choice)
        return render(version, variables)

    async def _find(self, caller: Principal, name: str, choice: Choice) -> PromptVersion:
        found = await self._store.find(
            tenant=caller.tenant, name=name, version=choice.version, label=choice.label
        )
        if found is not None:
            return found
        if choice == Choice():
            raise NotFound("There is no such prompt")
        what = "version" if choice.label is None else "label"
        raise NotFound(f"There is no such {what} of a prompt of this name")

    async def _labelled(
        self, caller: Principal, versions: Sequence[PromptVersion]
    ) -> list[LabelledVersion]:
        names = list({version.name for version in versions})
        labels = await self._store.labels(tenant=caller.tenant, names=names)
        return [LabelledVersion(version, labels[version.name]) for version in versions]


@contextmanager
def _outages_told() -> Iterator[None]:
    try:
        yield
    except PromptStoreUnavailable as away:
        raise Unavailable(
            "Prompts cannot be read now", retry_after_seconds=_RETRY_AFTER_SECONDS
        ) from away
