"""Uploaded files, as documents. They lie on disk, and no two of one upload are ever in memory."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import UploadFile

from service.core.errors import InvalidRequest, PayloadTooLarge
from service.observability.redaction import holds_key
from service.retrieval.formats import format_of
from service.retrieval.ports import NewDocument

_MAX_NAME_CHARACTERS = 500
_MAX_FILE_BYTES = 50 * 1024 * 1024
_BYTES_AT_ONCE = 1024 * 1024


def check_files(files: Sequence[UploadFile]) -> None:
    """Raises `InvalidRequest`, `PayloadTooLarge` for a single file, and `UnsupportedMediaType` for what is
    not read here."""
    for file in files:
        name = file.filename or ""
        if not 0 < len(name) <= _MAX_NAME_CHARACTERS or not name.isprintable() or holds_key(name):
            raise InvalidRequest(
                f"A file's name must be 1 to {_MAX_NAME_CHARACTERS} printable characters",
                field="file",
            )
        format_of(name)
        if (file.size or 0) > _MAX_FILE_BYTES:
            raise PayloadTooLarge(limit_bytes=_MAX_FILE_BYTES, what=f"The file {name}")


async def documents_of(files: Sequence[UploadFile]) -> AsyncIterator[NewDocument]:
    """Files that have been checked, in order."""
    for file in files:
        name = file.filename or ""
        await file.seek(0)
        yield NewDocument(
            content=await file.read(),
            format=format_of(name),
            metadata={"file_name": name},
            file_name=name,
        )


async def as_json(files: Sequence[UploadFile]) -> dict[str, Any]:
    """What an upload asks for, to be compared with another."""
    return {"files": [[file.filename, await _digest(file)] for file in files]}


async def _digest(file: UploadFile) -> str:
    digest = hashlib.sha256()
    while some := await file.read(_BYTES_AT_ONCE):
        digest.update(some)
    return digest.hexdigest()
