"""What the reader and its worker say to each other: MessagePack behind its length."""

from msgspec import Struct

LENGTH_BYTES = 4


class ReadRequest(Struct, frozen=True):
    """A file that is to be made into chunks of so many tokens."""

    content: bytes
    format: str
    chunk_size: int
    chunk_overlap: int


class ReadAnswer(Struct, frozen=True):
    """Its chunks; or, in `unreadable`, why there are none; or, in `missing`, what this installation lacks."""

    chunks: list[str] = []
    unreadable: str | None = None
    missing: str | None = None


def length_of(payload: bytes) -> bytes:
    """What goes before `payload`."""
    return len(payload).to_bytes(LENGTH_BYTES)
