"""JSON, read strictly and within bounds."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.errors import InvalidRequest
from service.web.body import MAX_JSON_DEPTH, UnusableBody, parse_json

BEYOND_BINARY64 = b"1" + b"0" * 400


def refusal(body: bytes) -> InvalidRequest:
    with pytest.raises(UnusableBody) as caught:
        parse_json(body)
    assert isinstance(caught.value.error, InvalidRequest)
    return caught.value.error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b"{} {}",
        b"[1,]",
        b"{'a':1}",
        b"{a:1}",
        b"NaN",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b"nan",
        b"+1",
        b"01",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xc3"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\udc00"',
        b'"\\ud800\\u0041"',
        b'{"\\ud800":1}',
        b'"\x00"',
        b'"a\nb"',
        '{"a": 1}'.encode("utf-16"),
        b"1" * 5_000,
    ],
)
def test_what_is_not_plain_json_is_refused(body: bytes) -> None:
    assert refusal(body).message == "The body is not valid JSON"


@pytest.mark.parametrize(
    "number", [b"1e999", b"-1e999", b"1E400", b"1.5e+400", BEYOND_BINARY64 + b".0", b"9e308"]
)
@pytest.mark.parametrize("around", [b"%s", b'{"a":%s}', b'[0,[{"a":[%s]}]]'])
def test_number_that_overflows_is_refused(number: bytes, around: bytes) -> None:
    assert refusal(around % number).message == "The body holds a number that is out of range"


@pytest.mark.parametrize("number", [b"1e308", b"-1.7e308", b"1e-999", b"0e9", b"12e3"])
def test_number_that_does_not_overflow_is_taken(number: bytes) -> None:
    assert parse_json(number) == float(number)


def test_whole_number_of_400_digits_is_a_whole_number() -> None:
    assert parse_json(BEYOND_BINARY64) == 10**400


def test_text_that_looks_like_an_overflow_is_text() -> None:
    assert parse_json(b'{"a":"1e999"}') == {"a": "1e999"}


def nested(depth: int, opening: str, inner: str, closing: str) -> bytes:
    return (opening * depth + inner + closing * depth).encode()


@pytest.mark.parametrize(
    ("opening", "inner", "closing"),
    [("[", "", "]"), ("[", "1", "]"), ('{"a":', "1", "}"), ('[{"a":', "[]", "}]")],
)
def test_64_levels_are_taken_and_65_are_not(opening: str, inner: str, closing: str) -> None:
    per_turn = opening.count("[") + opening.count("{")
    levels = MAX_JSON_DEPTH - inner.count("[")
    at_most = nested(levels // per_turn, opening, inner, closing)
    parse_json(b"[" + at_most + b"]" if levels % per_turn else at_most)
    assert (
        "nested more than 64 levels" in refusal(b"[" + nested(64, "[", inner, "]") + b"]").message
    )
    assert "nested more than 64 levels" in refusal(nested(65, "[", "1", "]")).message


@pytest.mark.parametrize("depth", [200, 5_000, 1_000_000])
def test_very_deep_json_is_refused_without_a_crash(depth: int) -> None:
    refusal(nested(depth, "[", "", "]"))
    refusal(nested(depth, '{"a":', "1", "}"))
    refusal(b"[" * depth)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert parse_json(b"[" + b"[]," * 1_000 + b"[]]") == [[]] * 1_001
    assert parse_json(json.dumps("[" * 1_000).encode()) == "[" * 1_000


def test_last_of_two_fields_of_one_name_counts() -> None:
    assert parse_json(b'{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}


finite_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
)


@settings(deadline=None, max_examples=50)
@given(finite_json, st.booleans())
def test_any_plain_json_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except UnusableBody as refused:
        assert isinstance(refused.error, InvalidRequest)  # noqa: PT017 - the other way is success
