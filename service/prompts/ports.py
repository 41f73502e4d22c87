"""What prompts need from outside: a place where they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.prompts.definitions import Definition, PromptVersion


class PromptStoreUnavailable(Exception):
    """The store cannot be asked now."""


class PromptStore(Protocol):
    """Where prompts are kept, each tenant's by themselves.

    Every method raises `PromptStoreUnavailable` if the store is away.
    """

    async def add(
        self, definition: Definition, *, tenant: str, name: str, key_id: str, now: datetime
    ) -> PromptVersion:
        """The latest version if it says just this, else a new one with the next number.

        A number is given once: not even a prompt that was deleted starts again at 1.
        """
        ...

    async def find(
        self, *, tenant: str, name: str, version: int | None = None, label: str | None = None
    ) -> PromptVersion | None:
        """The version with that number or that label, or, if neither is said, the latest."""
        ...

    async def list_latest(
        self, *, tenant: str, limit: int, after: str | None = None
    ) -> list[PromptVersion]:
        """The latest versions of up to `limit` prompts, by name, from behind the name `after`."""
        ...

    async def list_versions(
        self, *, tenant: str, name: str, limit: int, before: int | None = None
    ) -> list[PromptVersion]:
        """Up to `limit` versions, the latest first, from below the number `before`."""
        ...

    async def labels(self, *, tenant: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """By the name of a prompt: its labels, each with the version that it is on."""
        ...

    async def put_label(self, *, tenant: str, name: str, label: str, version: int) -> bool:
        """Put a label on a version, off any other; False if there is no such version."""
        ...

    async def delete_label(self, *, tenant: str, name: str, label: str) -> bool:
        """False if there is no such label."""
        ...

    async def delete(self, *, tenant: str, name: str) -> bool:
        """Delete all versions and labels; False if there are none."""
        ...
