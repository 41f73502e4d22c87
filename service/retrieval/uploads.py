"""Uploaded files, as documents."""

from collections.abc import Sequence
from typing import Any

from fastapi import UploadFile

from service.core.errors import InvalidRequest, PayloadTooLarge
from service.observability.redaction import holds_key
from service.retrieval.formats import format_of
from service.retrieval.ports import NewDocument
from service.retrieval.usecases import content_digest

_MAX_NAME_CHARACTERS = 500
_MAX_FILE_BYTES = 50 * 1024 * 1024


async def uploaded_documents(files: Sequence[UploadFile]) -> list[NewDocument]:
    """The files in order. Raises `InvalidRequest`, `PayloadTooLarge` for a single file, and
    `UnsupportedMediaType` for what is not read here."""
    documents = []
    for file in files:
        name = file.filename or ""
        if not 0 < len(name) <= _MAX_NAME_CHARACTERS or not name.isprintable() or holds_key(name):
            raise InvalidRequest(
                f"A file's name must be 1 to {_MAX_NAME_CHARACTERS} printable characters",
                field="file",
            )
        if (file.size or 0) > _MAX_FILE_BYTES:
            raise PayloadTooLarge(limit_bytes=_MAX_FILE_BYTES)
        documents.append(
            NewDocument(
                content=await file.read(),
                format=format_of(name),
                metadata={"file_name": name},
                file_name=name,
            )
        )
    return documents


def as_json(documents: Sequence[NewDocument]) -> dict[str, Any]:
    """What an upload asks for, to be compared with another."""
    return {"files": [[each.file_name, content_digest(each.content)] for each in documents]}
