"""Events from bytes, however these are cut."""

import json
from itertools import pairwise

import pytest
from ai_service_sdk._sse import EventDecoder
from hypothesis import given
from hypothesis import strategies as st

TEXT = "héllo\u2028\u0085\u000b\x1c wörld 🎉 data: x"
EVENTS = [{"n": 1, "content": TEXT}, {"n": 2, "content": "x" * 300}, {"n": 3, "content": ""}]


def body(line_end: str) -> bytes:
    lines = [": a comment", "", "event: message", "id: 1", "retry: 5"]
    for event in EVENTS:
        text = json.dumps(event, ensure_ascii=False, indent=1)
        lines += [f"data: {line}" for line in text.split("\n")] + ["", ": heartbeat", ""]
    return line_end.join(lines).encode() + line_end.encode()


def decoded(pieces: list[bytes]) -> list[object]:
    decoder = EventDecoder()
    return [json.loads(data) for piece in pieces for data in decoder.feed(piece)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@given(data=st.data())
def test_events_arrive_whole_wherever_the_bytes_are_cut(line_end: str, data: st.DataObject) -> None:
    whole = body(line_end)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=40)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(edges)]
    assert decoded(pieces) == EVENTS


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_events_arrive_whole_byte_by_byte(line_end: str) -> None:
    assert decoded([bytes([byte]) for byte in body(line_end)]) == EVENTS


def test_the_lines_of_one_event_are_joined() -> None:
    decoder = EventDecoder()
    assert list(decoder.feed(b'data: {"a":\ndata:1}\n\ndata\n\n')) == [b'{"a":\n1}', b""]


def test_an_event_without_its_empty_line_is_none() -> None:
    decoder = EventDecoder()
    assert list(decoder.feed(b"data: {}\n")) == []
