"""The incremental decoder of server-sent events: the same events, however the bytes come."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.providers.sse import SseDecoder
from service.inference.ports import FailureKind, ProviderFailure

LINE_ENDS = ["\n", "\r\n", "\r"]


def decode(*chunks: bytes) -> list[bytes]:
    decoder = SseDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def by_the_specification(stream: bytes) -> list[bytes]:
    """The data of each event, in the plainest reading of the specification."""
    events: list[bytes] = []
    data: list[bytes] = []
    lines = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:
        if not line:
            if data:
                events.append(b"\n".join(data))
            data = []
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
    return events


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places} | {0, len(stream)})
    return [stream[start:end] for start, end in pairwise(ends)]


fields = st.sampled_from(
    ["data: ", "data:", "data", "event: ", "id: ", "retry: ", ":", "", "unknown: ", "\ufeffdata: "]
)
texts = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8)
lines = st.builds(
    lambda field, text, end: field + text + end, fields, texts, st.sampled_from(LINE_ENDS)
)
blanks = st.sampled_from(LINE_ENDS)
streams = st.lists(st.one_of(lines, blanks)).map("".join).map(str.encode)
ordinary = st.lists(
    st.tuples(st.sampled_from(["", "event: delta\n", ": ping\n\n"]), texts), min_size=1
).map(lambda events: "".join(f"{head}data: {text}\n\n" for head, text in events).encode())


@settings(deadline=None, max_examples=500)
@given(stream=st.one_of(streams, ordinary, st.binary()), places=st.lists(st.integers(0, 80)))
def test_any_cut_of_any_bytes_gives_the_events_of_the_specification(
    stream: bytes, places: list[int]
) -> None:
    assert decode(*cut(stream, places)) == by_the_specification(stream)


@settings(deadline=None)
@given(stream=st.one_of(streams, ordinary))
def test_bytes_one_by_one_give_the_same_events(stream: bytes) -> None:
    assert decode(*(bytes([byte]) for byte in stream)) == decode(stream)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"event: x\ndata: a\n\n", [b"a"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [b"a", b"b", b"c"]),
        (b"data: a\ndata:  b\ndata\ndata:c\n\n", [b"a\n b\n\nc"]),
        (b": comment\n\nid: 1\nretry: 5\nevent: e\n\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: no\n\n", [b"a"]),
        (
            "data: a\u2028b\u2029\x85c\x0b\x0c\x1c\n\n".encode(),
            ["a\u2028b\u2029\x85c\x0b\x0c\x1c".encode()],
        ),
        (b"data: a: b\n\n", [b"a: b"]),
        (b"data\n\n", [b""]),
        (b"data: cut", []),
        (b"", []),
    ],
)
def test_events_of_a_stream(stream: bytes, events: list[bytes]) -> None:
    assert decode(stream) == events


def test_event_is_given_with_the_byte_that_completes_it() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\r\n\r") == [b"a"]
    assert decoder.feed(b"\ndata: b\n") == []
    assert decoder.feed(b"\n") == [b"b"]
    assert decoder.feed(b"data: c\r\rdata: d") == [b"c"]
    assert decoder.feed(b"\n\n") == [b"d"]


@pytest.mark.parametrize("rest", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_event_that_lacks_only_its_blank_line_is_given_at_the_end(rest: bytes) -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n\n" + rest) == [b"a"]
    assert decoder.finish() == [b"[DONE]"]
    assert decoder.finish() == []


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: " + b"x" * 101 + b"\n\n"],
        [b"data: a\n\n", b"data: " + b"x" * 200 + b"\n\n"],
        [b"x" * 60, b"x" * 60],
        [b"data: " + b"x" * 60 + b"\n"] * 2,
        [b"data: a\n\n", b": " + b"x" * 200],
    ],
)
def test_event_over_the_bound_is_malformed(chunks: list[bytes]) -> None:
    *fitting, last = chunks
    decoder = SseDecoder(max_event_bytes=100)
    for chunk in fitting:
        decoder.feed(chunk)
    with pytest.raises(ProviderFailure) as failure:
        decoder.feed(last)
    assert failure.value.kind is FailureKind.MALFORMED


def test_many_small_events_are_not_over_the_bound() -> None:
    decoder = SseDecoder(max_event_bytes=100)
    assert len([event for _ in range(100) for event in decoder.feed(b"data: x\n\n" * 5)]) == 500
