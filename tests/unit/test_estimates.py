"""Tokens, where nobody has counted."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.estimates import IMAGE_TOKENS, estimate_input_tokens, estimate_tokens
from service.core.messages import ImageData, JsonSchema, Message, TextPart, Tool, ToolCall
from tests.fakes import request


def test_four_bytes_are_a_token_rounded_up() -> None:
    assert [estimate_tokens("x" * size) for size in (0, 1, 4, 5, 8)] == [0, 1, 1, 2, 2]
    assert estimate_tokens("é") == 1
    assert estimate_tokens("日本") == 2


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None)), st.text())
def test_any_text_has_an_estimate_and_more_text_never_a_smaller_one(text: str, more: str) -> None:
    assert estimate_tokens(text) <= estimate_tokens(text + more)


def test_everything_that_a_provider_reads_is_counted() -> None:
    bare = estimate_input_tokens(request("x" * 40))
    assert bare == 10
    extras = [
        request(messages=(Message(role="user", content=(TextPart("x" * 40), IMAGE)),)),
        request(
            messages=(
                Message(role="user", content="x" * 40),
                Message(role="assistant", content=None, tool_calls=(CALL,)),
            )
        ),
        request("x" * 40, tools=(Tool(name="f", description="y" * 40, parameters={}),)),
        request("x" * 40, tools=(Tool(name="f", parameters={"title": "y" * 40}),)),
        request("x" * 40, json_schema=JsonSchema(name="s", schema={"title": "y" * 40})),
    ]
    estimates = [estimate_input_tokens(extra) for extra in extras]
    assert estimates[0] == bare + IMAGE_TOKENS
    assert all(estimate > bare + 9 for estimate in estimates)


IMAGE = ImageData("image/png", "aGk=")
CALL = ToolCall("call_1", "f", "z" * 40)
