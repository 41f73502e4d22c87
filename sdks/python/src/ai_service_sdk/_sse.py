"""Server-Sent Events, decoded from bytes.

Lines end in LF, CRLF or CR, and nowhere else: U+2028 and U+0085 are part of the text. Pieces may be cut
anywhere, also within a character or between CR and LF.
"""

from collections.abc import Iterator


class EventDecoder:
    """Takes pieces of the body as they come, and gives the `data` of whole events."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._after_cr = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of the events that `piece` completes. Comments and other fields are dropped."""
        lines = self._with_line_feeds(piece).split(b"\n")
        for ending in lines[:-1]:
            if self._line:
                ending = bytes(self._line) + ending
                self._line.clear()
            if ending:
                self._take(ending)
            elif self._data:
                data = b"\n".join(self._data)
                self._data.clear()
                yield data
        self._line += lines[-1]

    def _with_line_feeds(self, piece: bytes) -> bytes:
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
