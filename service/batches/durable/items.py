"""The requests of a durable batch, checked before anything is kept.

There may be tens of thousands. They are checked a few at a time, and others have their turn in between. Of a
file nothing stays in memory but the names: it is read once to be checked and once to be stored.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, BinaryIO, Protocol

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from service.batches.durable.schemas import (
    ITEM,
    BatchItemRequest,
    ChatItem,
    CreateBatchRequest,
    GenerateItem,
)
from service.batches.ports import MAX_ITEMS, NewItem
from service.batches.schemas import DEFAULT_MODEL
from service.core.errors import InvalidRequest
from service.core.messages import CompletionRequest
from service.web.body import UnusableBody, parse_json
from service.web.validation import Path, invalid_request

_CHECKED_AT_ONCE = 32
"""Half a millisecond's worth of short ones."""
_STORED_AT_ONCE = 200
_STORED_BYTES_AT_ONCE = 1024 * 1024
_READ_AT_ONCE = 256 * 1024
_encode = msgspec.json.Encoder().encode


Check = Callable[[CompletionRequest], None]
"""Raises `InvalidRequest` for what cannot be run."""


class Items(Protocol):
    """What a batch is made of."""

    @property
    def total(self) -> int:
        """How many there are."""
        ...

    async def check(self, is_fit: Check | None) -> None:
        """Raises `InvalidRequest` for the first that cannot be used, or that is not fit."""
        ...

    def portions(self) -> AsyncIterator[Sequence[NewItem]]:
        """All of them, in order, some at a time."""
        ...


class ListedItems:
    """Items from a JSON body."""

    def __init__(self, body: CreateBatchRequest) -> None:
        model = body.model or DEFAULT_MODEL
        self._bodies: Sequence[Any] = body.requests or [
            {"prompt": prompt, "model": model} for prompt in body.prompts or ()
        ]
        self._are_prompts = body.requests is None

    @property
    def total(self) -> int:
        return len(self._bodies)

    async def check(self, is_fit: Check | None) -> None:
        """Raises `InvalidRequest` for the first that cannot be used."""
        if self._are_prompts:  # validated with the body, which is quick; and all are alike
            if is_fit is not None:
                is_fit(ITEM.validate_python(self._bodies[0]).to_completion())
            return
        names = _Names()
        for index, body in enumerate(self._bodies):
            place = ("requests", index)
            item = _item(body, place, CreateBatchRequest)
            _pass(item, is_fit, field=f"requests.{index}")
            names.add(item.custom_id, field=f"requests.{index}")
            await _give_way(index)

    async def portions(self) -> AsyncIterator[Sequence[NewItem]]:
        portion = _Portion()
        for body in self._bodies:
            item = NewItem(body.get("custom_id"), _encode(body).decode())
            if full := portion.add(item):
                yield full
        if portion.items:
            yield portion.items


class FileItems:
    """Items from JSON Lines; blank lines are none."""

    def __init__(self, file: BinaryIO, *, max_line_bytes: int) -> None:
        self._file = file
        self._max_line_bytes = max_line_bytes
        self._custom_ids: list[str | None] = []
        self._digest = hashlib.sha256()

    @property
    def total(self) -> int:
        return len(self._custom_ids)

    @property
    def digest(self) -> str:
        """Of what was checked, in hex: files with the same lines have the same."""
        return self._digest.hexdigest()

    async def check(self, is_fit: Check | None) -> None:
        """Raises `InvalidRequest` for the first line that cannot be used, with its number."""
        names = _Names()
        async for number, line in self._lines():
            field = f"file.{number}"
            try:
                item = _item(self._parsed(number, line), ("file", number), _Lines)
                _pass(item, is_fit, field=field)
                names.add(item.custom_id, field=field)
            except InvalidRequest as error:
                message = f"Line {number}: {error.message}"
                raise InvalidRequest(message, field=error.field or field) from error
            self._custom_ids.append(item.custom_id)
            self._digest.update(line + b"\n")
            if self.total > MAX_ITEMS:
                raise InvalidRequest(f"This has more than {MAX_ITEMS} requests", field="file")
            await _give_way(number)
        if not self.total:
            raise InvalidRequest("This has too few items", field="file")

    async def portions(self) -> AsyncIterator[Sequence[NewItem]]:
        portion = _Portion()
        custom_ids = iter(self._custom_ids)
        async for _, line in self._lines():
            if full := portion.add(NewItem(next(custom_ids), line.decode())):
                yield full
        if portion.items:
            yield portion.items

    def _parsed(self, number: int, line: bytes) -> Any:
        if len(line) > self._max_line_bytes:
            raise InvalidRequest(f"This is longer than {self._max_line_bytes} bytes")
        try:
            return parse_json(line, what="This")
        except UnusableBody as unusable:
            raise unusable.error from unusable

    async def _lines(self) -> AsyncIterator[tuple[int, bytes]]:
        """The lines that are not blank, with their numbers from 1."""
        await asyncio.to_thread(self._file.seek, 0)
        number = 0
        while lines := await asyncio.to_thread(_read_lines, self._file, self._max_line_bytes):
            for line in lines:
                number += 1
                if stripped := line.strip():
                    yield number, stripped


class _Lines(BaseModel):
    """Where a mistake in a file is: for `invalid_request`."""

    file: list[BatchItemRequest]


class _Names:
    """The custom ids so far."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def add(self, custom_id: str | None, *, field: str) -> None:
        """One more. Raises `InvalidRequest` for one that was there before."""
        if custom_id is None:
            return
        if custom_id in self._seen:
            raise InvalidRequest("Another request has this custom_id", field=f"{field}.custom_id")
        self._seen.add(custom_id)


class _Portion:
    """Gathers items until there are enough for one transaction."""

    def __init__(self) -> None:
        self.items: list[NewItem] = []
        self._characters = 0

    def add(self, item: NewItem) -> list[NewItem] | None:
        """The items gathered, if that is enough; the next begin anew."""
        self.items.append(item)
        self._characters += len(item.body)
        if len(self.items) < _STORED_AT_ONCE and self._characters < _STORED_BYTES_AT_ONCE:
            return None
        full, self.items, self._characters = self.items, [], 0
        return full


def _pass(item: GenerateItem | ChatItem, is_fit: Check | None, *, field: str) -> None:
    """Raises `InvalidRequest` that names the place, or the batch's own field that is to blame."""
    if is_fit is None:
        return
    try:
        is_fit(item.to_completion())
    except InvalidRequest as error:
        named = error.field if error.field == "mode" else f"{field}.{error.field}"
        raise InvalidRequest(error.message, field=named) from error


def _item(value: Any, place: Path, within: type[BaseModel]) -> GenerateItem | ChatItem:
    """A good item. Raises `InvalidRequest`."""
    try:
        return ITEM.validate_python(value)
    except ValidationError as error:
        problems = [
            {**problem, "loc": ("body", *place, *problem["loc"])}
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise invalid_request(RequestValidationError(problems), within) from None


async def _give_way(number: int) -> None:
    if number % _CHECKED_AT_ONCE == 0:
        await asyncio.sleep(0)


def _read_lines(file: BinaryIO, max_line_bytes: int) -> Iterable[bytes]:
    """Some whole lines; one that is too long is cut just behind where it should have ended."""
    lines: list[bytes] = []
    size = 0
    while size < _READ_AT_ONCE and (line := file.readline(max_line_bytes + 2)):
        lines.append(line)
        size += len(line)
    return lines
