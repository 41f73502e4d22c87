"""Files to upload, in the forms that people have them."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any, cast

from ai_service_sdk._model import plain
from ai_service_sdk._operations import Omit, given

FileContent = bytes | IO[bytes]
File = FileContent | PathLike[str] | tuple[str, FileContent] | tuple[str, FileContent, str]
"""Bytes, a file opened in binary mode, a path, or (name, content) or (name, content, media type).

A path and a file that can seek are read as they are sent, from their beginning, and not held in memory.
"""

_Part = tuple[str, tuple[str, FileContent, str]]
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body that can be sent any number of times."""

    fields: Mapping[str, str]
    files: Sequence[_Part]
    content_type: str
    """With a boundary of its own, so that every attempt sends the same."""


class _FileAt:
    """A file that is open only while it is read, so that no attempt leaves it open."""

    def __init__(self, path: PathLike[str]) -> None:
        self._path = Path(path)
        self._position = 0
        self._size = self._path.stat().st_size

    def read(self, size: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read(size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (self._size if whence == os.SEEK_END else 0)
        return self._position

    def tell(self) -> int:
        return self._position


def form_of(fields: Mapping[str, Any], files: Mapping[str, Any]) -> Form:
    """The form. Raises `OSError` for a path where there is no file."""
    parts = [
        (name, _part(file))
        for name, value in given(files).items()
        for file in (value if isinstance(value, list) else [value])
    ]
    texts = {name: _text(value) for name, value in given(fields).items() if value is not None}
    return Form(texts, parts, f"multipart/form-data; boundary={os.urandom(16).hex()}")


def _part(file: File) -> tuple[str, FileContent, str]:
    if isinstance(file, tuple):
        name, content, media_type = (*file, _UNKNOWN_TYPE)[:3]
        return str(name), _content(content), str(media_type)
    if isinstance(file, PathLike):
        return Path(file).name, cast(IO[bytes], _FileAt(file)), _UNKNOWN_TYPE
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else "upload", _content(file), _UNKNOWN_TYPE


def _content(content: Any) -> FileContent:
    if isinstance(content, bytes):
        return content
    if content.seekable():
        content.seek(0)  # flushes, too: the length is what is on the disk
        return cast(IO[bytes], content)
    return cast(bytes, content.read())  # an attempt may have to send it again


def _text(value: Any) -> str:
    """Text as it is, everything else as JSON says it."""
    if isinstance(value, str):
        return value
    return json.dumps(plain(value))


def list_of(files: Sequence[File] | Omit) -> list[File] | Omit:
    """Several files under one name."""
    return files if isinstance(files, Omit) else list(files)
