"""How much of a conversation goes to the model."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.messages import ImageUrl, Message, ToolCall
from service.generation.history import last_messages

CALL = ToolCall("call_1", "f", "{}")


def system(text: str = "s") -> Message:
    return Message(role="system", content=text)


def user(text: str = "u") -> Message:
    return Message(role="user", content=text)


def assistant(text: str = "a", *calls: ToolCall) -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


def result(text: str = "r") -> Message:
    return Message(role="tool", content=text, tool_call_id="call_1")


def test_short_conversation_goes_whole() -> None:
    messages = (system(), user("1"), assistant("2"), user("3"))
    assert last_messages(messages, 10) == messages
    assert last_messages(messages, 3) == messages


def test_only_the_last_messages_go() -> None:
    messages = (user("1"), assistant("2"), user("3"))
    assert last_messages(messages, 1) == (user("3"),)


def test_system_messages_are_kept_where_they_stood_and_are_not_counted() -> None:
    messages = (system("1"), user("2"), assistant("3"), system("4"), user("5"), system("6"))
    assert last_messages(messages, 1) == (system("1"), system("4"), user("5"), system("6"))
    assert last_messages(messages, 2) == (
        system("1"), assistant("3"), system("4"), user("5"), system("6"),
    )  # fmt: skip


def test_results_are_never_cut_from_their_call() -> None:
    messages = (user("1"), assistant("2", CALL, CALL), result("3"), result("4"), user("5"))
    expected = messages[1:]
    assert [last_messages(messages, limit) for limit in (2, 3, 4)] == [expected] * 3
    assert last_messages(messages, 1) == messages[-1:]


def test_system_message_between_a_call_and_its_result_does_not_part_them() -> None:
    messages = (user("1"), assistant("2", CALL), system("3"), result("4"))
    assert last_messages(messages, 1) == messages[1:]


def test_message_that_is_repeated_is_counted_each_time() -> None:
    again = user("again")
    messages = (again, assistant("2"), again)
    assert last_messages(messages, 1) == (again,)
    assert last_messages(messages, 2) == (assistant("2"), again)


TURNS = st.sampled_from(
    [(system(),), (user(),), (assistant(),), (assistant("a", CALL), result(), result())]
)


@settings(deadline=None)
@given(st.lists(TURNS, min_size=1, max_size=12), st.integers(1, 12))
def test_what_goes_is_in_order_long_enough_and_begins_with_no_result(
    turns: list[tuple[Message, ...]], limit: int
) -> None:
    messages = tuple(message for turn in turns for message in turn)
    kept = last_messages(messages, limit)
    spoken = [message for message in messages if message.role != "system"]
    kept_spoken = [message for message in kept if message.role != "system"]
    assert kept_spoken == spoken[len(spoken) - len(kept_spoken) :]
    assert min(limit, len(spoken)) <= len(kept_spoken) <= limit + 2
    assert not kept_spoken or kept_spoken[0].role != "tool"
    assert kept.count(system()) == messages.count(system())


def test_a_budget_leaves_out_the_oldest_and_never_the_last() -> None:
    messages = (user("1" * 40), assistant("2" * 40), user("3" * 40))  # ten tokens each
    kept = {
        budget: len(last_messages(messages, None, token_budget=budget))
        for budget in (9, 19, 20, 30)
    }
    assert kept == {9: 1, 19: 1, 20: 2, 30: 3}
    assert last_messages(messages, 1, token_budget=30) == messages[-1:]


def test_a_budget_counts_tool_calls_and_images_but_no_system_message() -> None:
    call = assistant("", ToolCall("call_1", "f", "x" * 40))
    image = Message(role="user", content=(ImageUrl("https://x.test/a"),))
    for heavy, tokens in ((call, 11), (image, 1000)):
        messages = (system("s" * 4000), heavy, user("u" * 40))
        assert last_messages(messages, None, token_budget=tokens + 9) == (messages[0], messages[2])
        assert last_messages(messages, None, token_budget=tokens + 10) == messages


def test_a_budget_leaves_out_a_call_with_its_results() -> None:
    messages = (user("1"), assistant("2" * 400, CALL, CALL), result("3"), result("4"), user("5"))
    assert last_messages(messages, None, token_budget=20) == messages[-1:]
    assert last_messages(messages[:-1], None, token_budget=20) == messages[1:-1]


@settings(deadline=None)
@given(st.lists(TURNS, min_size=1, max_size=12), st.integers(1, 12), st.integers(1, 40))
def test_what_a_budget_leaves_is_the_end_of_what_the_limit_leaves(
    turns: list[tuple[Message, ...]], limit: int, budget: int
) -> None:
    messages = tuple(message for turn in turns for message in turn)
    limited = [m for m in last_messages(messages, limit) if m.role != "system"]
    kept = [m for m in last_messages(messages, limit, token_budget=budget) if m.role != "system"]
    assert kept == limited[len(limited) - len(kept) :]
    assert bool(kept) == bool(limited)
    assert not kept or kept[0].role != "tool"
