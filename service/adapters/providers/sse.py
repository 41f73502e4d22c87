"""Server-Sent Events, from bytes as they come off the wire to the data of each event.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, with two
departures. Only `data` is kept: both vendors say inside the data what kind of event it is. And an
event that lacks only its closing blank line when the stream ends is given (see `finish`).
"""

from service.inference.ports import FailureKind, ProviderFailure

MAX_EVENT_BYTES = 8 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseDecoder:
    """Takes bytes in any portions and gives the data of the events they complete.

    Working on bytes keeps a character that a portion cuts in two whole, and keeps U+2028 and other
    separators that are none here out of the way. Raises `ProviderFailure(MALFORMED)` for an event
    of more than `max_event_bytes`.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._unfinished_line = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_at_start = True
        self._is_after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that `chunk` completes, in order."""
        if self._is_between_events and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            return self._whole_events(chunk)
        return self._lines(chunk)

    def finish(self) -> list[bytes]:
        """The stream has ended: the data of an event whose closing blank line never came.

        The specification drops such an event. Some servers end with `data: [DONE]` and close, and
        no harm comes of it: what an event means, and if the answer is whole, is judged elsewhere.
        """
        if self._unfinished_line:
            line, self._unfinished_line = bytes(self._unfinished_line), bytearray()
            self._take_line(line)
        return [self._dispatch()] if self._data else []

    @property
    def _is_between_events(self) -> bool:
        return not (self._data or self._unfinished_line or self._is_after_cr or self._is_at_start)

    def _whole_events(self, chunk: bytes) -> list[bytes]:
        """The usual case, quickly: whole events, each `data:`, or `event:` and `data:`."""
        if len(chunk) > self._max_event_bytes:
            return self._lines(chunk)
        events: list[bytes] = []
        for block in chunk[:-2].split(b"\n\n"):
            first, _, second = block.partition(b"\n")
            line = second if first.startswith(b"event:") else first if not second else b""
            if line.startswith(b"data: ") and b"\n" not in line:
                events.append(line[6:])
                continue
            for line in block.split(b"\n"):
                self._take_line(line)
            if self._data:
                events.append(self._dispatch())
        return events

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The general case: any chunk, line by line. A line ends with LF, CR or CRLF."""
        if self._is_after_cr and chunk:
            self._is_after_cr = False
            chunk = chunk.removeprefix(b"\n")
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if not end:
            self._unfinished_line += chunk
            self._check_size(len(self._unfinished_line))
            return []
        self._unfinished_line += chunk[:end]
        lines = bytes(self._unfinished_line)
        self._unfinished_line = bytearray(chunk[end:])
        self._is_after_cr = end == len(chunk) and lines.endswith(b"\r")
        events: list[bytes] = []
        for line in lines.splitlines():
            self._take_line(line)
            if not line and self._data:
                events.append(self._dispatch())
        self._check_size(len(self._unfinished_line))
        return events

    def _take_line(self, line: bytes) -> None:
        if self._is_at_start:
            self._is_at_start = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._data_bytes += len(value)
            self._check_size(self._data_bytes)

    def _dispatch(self) -> bytes:
        data = b"\n".join(self._data)
        self._data.clear()
        self._data_bytes = 0
        return data

    def _check_size(self, size: int) -> None:
        if size > self._max_event_bytes:
            raise ProviderFailure(
                FailureKind.MALFORMED,
                f"The provider sent an event of more than {self._max_event_bytes} bytes",
            )
