"""Templates: what may stand in them, and that filling them in does nothing but put texts together."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import InvalidRequest
from service.prompts.definitions import Definition, PromptVersion, define, render
from service.prompts.templates import (
    MAX_RENDERED_CHARACTERS,
    Template,
    TemplateMistake,
    Value,
    Variable,
    VariableType,
)

NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,9}\Z")
# Braces and what looks like code are as likely as anything else.
TEXTS = st.one_of(
    st.text(), st.text("{}a.[]!:0"), st.sampled_from(["{a}", "{a.__class__}", "{{a}}", "{0}", "%s"])
)
VALUES: st.SearchStrategy[Value] = st.one_of(
    TEXTS, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)


def escaped(text: str) -> str:
    """The text as a template has to spell it."""
    return text.replace("{", "{{").replace("}", "}}")


def defined(template: str = "{a}", **changes: Any) -> Definition:
    """A definition of this template."""
    values: dict[str, Any] = {"system": None, "variables": None, "defaults": {}}
    return define(template=template, **(values | changes))


def filled(definition: Definition, **variables: Value) -> str:
    """What the template says with these."""
    version = PromptVersion(
        name="p", version=1, definition=definition, key_id="k", created_at=datetime.now(UTC)
    )
    return render(version, variables).prompt


def refused(field: str, message: str, template: str = "{a}", **changes: Any) -> None:
    """Defining this is refused, and what is to blame is named."""
    with pytest.raises(InvalidRequest, match=message) as raised:
        defined(template, **changes)
    assert raised.value.field == field


@given(TEXTS)
def test_any_text_can_be_escaped_and_comes_back_as_it_was(text: str) -> None:
    template = Template.parse(escaped(text))
    assert template.fields == ()
    assert template.render({}) == text


@given(st.lists(st.tuples(TEXTS, NAMES)), TEXTS, st.dictionaries(NAMES, TEXTS))
def test_values_are_put_in_once_and_never_looked_at_again(
    pieces: list[tuple[str, str]], end: str, texts: dict[str, str]
) -> None:
    template = Template.parse("".join(f"{escaped(t)}{{{n}}}" for t, n in pieces) + escaped(end))
    texts = {name: f"<{name}>" for _, name in pieces} | texts
    said = template.render(texts)
    assert said == "".join(literal + texts[name] for literal, name in pieces) + end
    assert len(said) == template.rendered_characters(texts)


@given(st.text("{}ab0_.[]!: é"))
def test_what_is_taken_for_a_template_means_what_it_means_to_pythons_format(text: str) -> None:
    try:
        template = Template.parse(text)
    except TemplateMistake:
        return
    texts = {field: f"<{field}>" for field in template.fields}
    assert template.render(texts) == text.format(**texts)


@pytest.mark.parametrize(
    "field",
    [
        "a.b", "a.__class__", "a[0]", "a['b']", "a!r", "a!s", "a:>9", "a:", "0", "0a", "", " ", " a", "a ",
        "a-b", "é", "a\n", "x" * 65, "a,b", "a+b", "a()",
    ],
)  # fmt: skip
def test_a_field_that_is_more_than_a_name_is_refused(field: str) -> None:
    refused("template", "at character 5 ", f"Say {{{field}}}")
    refused("system", "at character 5 ", system=f"Say {{{field}}}")


@pytest.mark.parametrize("template", ["a {", "a }", "a {{{", "a {b", "a {b{c}}", "a }{", "a {{}"])
def test_a_brace_that_stands_alone_is_refused(template: str) -> None:
    refused("template", "stands alone", template)


def test_where_the_mistake_is_is_told_but_not_what_it_was() -> None:
    with pytest.raises(InvalidRequest) as raised:
        defined("{{ok}} {fine} {canary.x}")
    assert "at character 15 " in raised.value.message
    assert "canary" not in raised.value.message


def test_without_declarations_every_field_is_a_string_that_must_be_given() -> None:
    definition = defined("{b} {a} {b}", system="{c}")
    assert definition.variables == {"b": Variable(), "a": Variable(), "c": Variable()}


def test_a_field_that_is_not_declared_is_refused() -> None:
    refused("variables.b", "no variable", "{a} {b}", variables={"a": Variable()})
    refused("variables.b", "no variable", "{b}", variables={})
    refused("variables.b", "no variable", system="{b}", variables={"a": Variable()})


def test_a_variable_that_no_field_uses_is_refused() -> None:
    refused("variables.b", "No field", variables={"a": Variable(), "b": Variable(default="x")})


def test_more_variables_than_anybody_fills_in_are_refused() -> None:
    refused("variables", "more than 100", "".join(f"{{v{n}}}" for n in range(101)))
    assert len(defined("".join(f"{{v{n}}}" for n in range(100))).variables) == 100


TYPES = {
    str: {"string"},
    bool: {"boolean"},
    int: {"integer", "number"},
    float: {"number"},
}
FITTING: list[tuple[Any, Value, str]] = [
    ("string", "x", "x"),
    ("string", "", ""),
    ("string", "{a} {b.c} {{", "{a} {b.c} {{"),
    ("integer", 3, "3"),
    ("integer", -(10**30), f"-1{'0' * 30}"),
    ("number", 3, "3"),
    ("number", 1.5, "1.5"),
    ("number", 1e100, "1e+100"),
    ("boolean", True, "true"),
    ("boolean", False, "false"),
]
UNFIT: list[tuple[Any, Value]] = [
    ("string", 1),
    ("string", True),
    ("integer", "1"),
    ("integer", 1.0),
    ("integer", True),
    ("number", "1"),
    ("number", False),
    ("boolean", 1),
    ("boolean", "true"),
]


@pytest.mark.parametrize(("kind", "value", "said"), FITTING)
def test_a_string_is_put_in_as_it_is_and_the_rest_as_json(
    kind: Any, value: Value, said: str
) -> None:
    assert filled(defined("[{a}]", variables={"a": Variable(type=kind)}), a=value) == f"[{said}]"
    default = defined("[{a}]", variables={"a": Variable(type=kind, default=value)})
    assert filled(default) == f"[{said}]"


@pytest.mark.parametrize(("kind", "value"), UNFIT)
def test_a_value_of_another_type_is_refused(kind: Any, value: Value) -> None:
    definition = defined(variables={"a": Variable(type=kind)})
    with pytest.raises(InvalidRequest, match=f"of the type {kind}") as raised:
        filled(definition, a=value)
    assert raised.value.field == "variables.a"
    refused("variables.a.default", kind, variables={"a": Variable(type=kind, default=value)})


@given(VALUES)
def test_each_value_fits_exactly_the_types_that_it_is_of(value: Value) -> None:
    fitting: set[Any] = {
        kind for kind in get_args(VariableType) if Variable(type=kind).takes(value)
    }
    assert fitting == TYPES[type(value)]


@given(VALUES)
def test_what_is_no_string_can_be_read_back_as_json(value: Value) -> None:
    if not isinstance(value, str):
        kind: Any = max(TYPES[type(value)])
        assert json.loads(filled(defined(variables={"a": Variable(type=kind)}), a=value)) == value


def test_what_is_given_comes_before_the_default() -> None:
    definition = defined("[{a}]", variables={"a": Variable(default="x")})
    assert filled(definition, a="y") == "[y]"
    assert filled(definition, a="") == "[]"


def test_missing_variables_are_all_named() -> None:
    with pytest.raises(InvalidRequest, match=r"needs a, c$") as raised:
        filled(defined("{a}{b}{c}"), b="x")
    assert raised.value.field == "variables.a"


def test_a_variable_too_many_is_refused_and_told_what_there_is() -> None:
    with pytest.raises(InvalidRequest, match=r"it has a, b$") as raised:
        filled(defined("{a}{b}"), a="x", c="x")
    assert raised.value.field == "variables.c"
    with pytest.raises(InvalidRequest, match=r"it has none$"):
        filled(defined("Hi"), c="x")


def test_a_prompt_that_comes_out_empty_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="empty") as raised:
        filled(defined(), a="")
    assert raised.value.field == "variables"


def test_a_prompt_that_would_come_out_too_long_is_never_put_together() -> None:
    definition = defined("{a}" * 30_000)
    assert len(filled(definition, a="x" * (MAX_RENDERED_CHARACTERS // 30_000))) > 9_900_000
    with pytest.raises(InvalidRequest, match="characters") as raised:
        filled(definition, a="x" * 10_000_000)  # would take 300 GB
    assert raised.value.field == "variables"
