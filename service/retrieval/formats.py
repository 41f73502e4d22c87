"""Which files are read, and how they are known."""

from pathlib import PurePosixPath

from service.core.errors import UnsupportedMediaType
from service.retrieval.ports import DocumentFormat

FORMATS: dict[str, DocumentFormat] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".json": "json",
}
"""By the ending of a file's name, in lower case."""


def format_of(file_name: str) -> DocumentFormat:
    """The format that a file's name promises. Raises `UnsupportedMediaType`."""
    found = FORMATS.get(PurePosixPath(file_name).suffix.lower())
    if found is None:
        known = ", ".join(FORMATS)
        raise UnsupportedMediaType(f"Files are taken whose names end in one of {known}")
    return found
