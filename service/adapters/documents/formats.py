"""The text of a file. Runs in the worker only: what it reads may be hostile."""

import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from service.retrieval.ports import Unreadable

MAX_CHARACTERS = 10_000_000
"""Of text in a document: some 5,000 pages."""
_MAX_UNPACKED_BYTES = 100_000_000  # of a docx: its XML takes several times as much again
_BLOCKS = set(
    """
    address article aside blockquote br caption dd details dialog div dl dt figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul
    """.split()  # noqa: SIM905 - forty lines otherwise
)
_TAG = re.compile(r"<[^>]*>")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n\s*\n+")
# What JSON and PostgreSQL cannot hold, and control characters, which only confuse whoever reads.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def to_text(content: bytes, format_: str) -> str:
    """The text of a file. Raises `Unreadable`."""
    text = _READERS[format_](content)
    text = _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
    if not text.strip():
        raise Unreadable("There is no text in it")
    if len(text) > MAX_CHARACTERS:
        raise _too_long()
    return text


def _plain(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as wrong:
        raise Unreadable("It is not text in UTF-8") from wrong
    if "\x00" in text:
        raise Unreadable("It is not text: there are NUL bytes in it")
    return text


def _html(content: bytes) -> str:
    import nh3

    # Scripts and styles go with what is in them; of the rest, blocks become lines.
    kept = nh3.clean(_plain(content), tags=_BLOCKS, attributes={}, link_rel=None)
    text = html.unescape(_TAG.sub("\n", kept))
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text)).strip()


def _json(content: bytes) -> str:
    try:
        value = json.loads(_plain(content))
    except (ValueError, RecursionError) as wrong:
        raise Unreadable("It is not valid JSON") from wrong
    if isinstance(value, str):
        return value
    return "\n".join(_lines(value, ""))


def _lines(value: Any, path: str) -> Iterator[str]:
    """A line for each value, under its path: `customer.name: Ada`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, path)
    elif value is not None:
        yield f"{path}: {value}" if path else str(value)


def _pdf(content: bytes) -> str:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    if b"%PDF-" not in content[:1024]:
        raise Unreadable("It is not a PDF")
    pages: list[str] = []
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("It is a PDF with a password")
        characters = 0
        for page in reader.pages:
            pages.append(page.extract_text())
            characters += len(pages[-1])
            if characters > MAX_CHARACTERS:
                raise _too_long()
    except PyPdfError as wrong:
        raise Unreadable("It is a damaged PDF") from wrong
    text = "\n\n".join(pages)
    if not text.strip():
        raise Unreadable("There is no text in this PDF: its pages may be images")
    return text


def _docx(content: bytes) -> str:
    from docx import Document
    from docx.opc.exceptions import OpcError

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if not any(part.filename == "word/document.xml" for part in parts):
                raise Unreadable("It is not a Word document (docx)")
            # zipfile never unpacks more than a part says it holds.
            if sum(part.file_size for part in parts) > _MAX_UNPACKED_BYTES:
                raise Unreadable(f"It unpacks to more than {_MAX_UNPACKED_BYTES // 10**6} MB")
    except zipfile.BadZipFile as wrong:
        raise Unreadable("It is not a Word document (docx)") from wrong
    try:
        body = Document(io.BytesIO(content)).element.body
    except (OpcError, zipfile.BadZipFile, KeyError, SyntaxError) as wrong:
        raise Unreadable(
            "It is a damaged Word document, or takes more memory than there is"
        ) from wrong
    # Paragraphs wherever they stand: cells of tables and text boxes have them too.
    return "\n".join("".join(_words(paragraph)) for paragraph in body.iter(f"{_W}p"))


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SPACING = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n"}


def _words(paragraph: Any) -> Iterator[str]:
    for part in paragraph.iter(f"{_W}t", *_SPACING):
        yield _SPACING.get(part.tag, part.text or "")


def _too_long() -> Unreadable:
    return Unreadable(f"It has more than {MAX_CHARACTERS:,} characters of text: split it")


_READERS: dict[str, Callable[[bytes], str]] = {
    "text": _plain,
    "markdown": _plain,
    "html": _html,
    "json": _json,
    "pdf": _pdf,
    "docx": _docx,
}
