"""Uploaded files, as documents."""

from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.core.errors import InvalidRequest, UnsupportedMediaType
from service.observability.redaction import holds_key
from service.retrieval.ports import NewDocument
from service.retrieval.usecases import format_of
from service.web.body import read_within

_FIELD = "file"
_MAX_FILES = 100
_MAX_NAME_CHARACTERS = 500

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [_FIELD],
                    "properties": {
                        _FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": _MAX_FILES,
                            "items": {"type": "string", "format": "binary"},
                            "description": "The files; the field may be repeated.",
                        }
                    },
                }
            }
        },
    }
}
"""FastAPI's `openapi_extra` for an operation that reads `uploaded_documents`."""


async def uploaded_documents(request: Request, *, limit_bytes: int) -> list[NewDocument]:
    """The files of a multipart body, in order.

    Raises `PayloadTooLarge`, `UnsupportedMediaType` for another body or a file that is not read here, and
    `InvalidRequest`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise UnsupportedMediaType("Send the files as multipart/form-data")
    body = await read_within(request, limit_bytes)

    async def whole() -> Any:
        yield body

    try:
        form = await MultiPartParser(
            request.headers, whole(), max_files=_MAX_FILES, max_fields=0
        ).parse()
    except (MultiPartException, KeyError, UnicodeError) as wrong:
        raise InvalidRequest(
            f"This is no multipart body of up to {_MAX_FILES} files", field=_FIELD
        ) from wrong
    try:
        return await _documents(form)
    finally:
        await form.close()


async def _documents(form: FormData) -> list[NewDocument]:
    documents = []
    for name, file in form.multi_items():
        if name != _FIELD:
            raise InvalidRequest("This field is unknown", field=name[:_MAX_NAME_CHARACTERS])
        if not isinstance(file, UploadFile) or not file.filename:
            raise InvalidRequest("This must be a file with a name", field=_FIELD)
        _check_name(file.filename)
        documents.append(
            NewDocument(
                content=await file.read(),
                format=format_of(file.filename),
                metadata={"file_name": file.filename},
                file_name=file.filename,
            )
        )
    if not documents:
        raise InvalidRequest("This field is required", field=_FIELD)
    return documents


def _check_name(name: str) -> None:
    if len(name) > _MAX_NAME_CHARACTERS or not name.isprintable() or holds_key(name):
        raise InvalidRequest(
            f"A file's name must be up to {_MAX_NAME_CHARACTERS} printable characters", field=_FIELD
        )
