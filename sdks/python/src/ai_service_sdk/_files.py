"""Files to upload, in the forms that people have them."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import IO, Any

from ai_service_sdk._model import plain
from ai_service_sdk._operations import Omit, given

FileContent = bytes | IO[bytes]
File = FileContent | PathLike[str] | tuple[str, FileContent] | tuple[str, FileContent, str]
"""Bytes, a file opened in binary mode, a path, or (name, content) or (name, content, media type)."""

_Part = tuple[str, tuple[str, bytes, str]]
_UNKNOWN_TYPE = "application/octet-stream"


def file_parts(files: Mapping[str, Any]) -> list[_Part]:
    """The parts of a multipart body. They are read now: an attempt may have to send them again."""
    return [
        (name, _read(file))
        for name, value in given(files).items()
        for file in (value if isinstance(value, list) else [value])
    ]


def form_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The other parts: text as it is, everything else as JSON says it."""
    return {name: _text(value) for name, value in given(fields).items() if value is not None}


def _read(file: File) -> tuple[str, bytes, str]:
    if isinstance(file, tuple):
        name, content, media_type = (*file, _UNKNOWN_TYPE)[:3]
        return str(name), _bytes(content), str(media_type)
    if isinstance(file, PathLike):
        path = Path(file)
        return path.name, path.read_bytes(), _UNKNOWN_TYPE
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else "upload", _bytes(file), _UNKNOWN_TYPE


def _bytes(content: Any) -> bytes:
    data: bytes = content if isinstance(content, bytes) else content.read()
    return data


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(plain(value))


def list_of(files: Sequence[File] | Omit) -> list[File] | Omit:
    """Several files under one name."""
    return files if isinstance(files, Omit) else list(files)
