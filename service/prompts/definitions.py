"""What a version of a prompt is, and what comes of it when its variables are given."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from service.core.errors import InvalidRequest
from service.prompts.templates import (
    MAX_RENDERED_CHARACTERS,
    Template,
    TemplateMistake,
    Value,
    Variable,
    texts_of,
)

MAX_VARIABLES = 100


class Definition(Struct, frozen=True, kw_only=True):
    """What a version says. `defaults` are fields of a generate or chat body, by name."""

    template: str
    system: str | None
    variables: dict[str, Variable]
    defaults: dict[str, Any]


class PromptVersion(Struct, frozen=True, kw_only=True):
    """One version of a prompt. It never changes. `key_id`: with which key it was made."""

    name: str
    version: int
    definition: Definition
    key_id: str
    created_at: datetime


class Choice(NamedTuple):
    """Which version is meant: a number, whichever has a label, or, if neither is said, the latest."""

    version: int | None = None
    label: str | None = None


class LabelledVersion(NamedTuple):
    """A version, and all labels of its prompt, each with the number of the version that it is on."""

    version: PromptVersion
    labels: Mapping[str, int]


class RenderedPrompt(Struct, frozen=True, kw_only=True):
    """A version with its variables filled in. `system` is None where there is none, or nothing in it."""

    name: str
    version: int
    system: str | None
    prompt: str
    defaults: dict[str, Any]

    @property
    def turns(self) -> tuple[tuple[Literal["system", "user"], str], ...]:
        """Who says what, in this order."""
        prompt: tuple[Literal["user"], str] = ("user", self.prompt)
        return (prompt,) if self.system is None else (("system", self.system), prompt)


def define(
    *,
    template: str,
    system: str | None,
    variables: Mapping[str, Variable] | None,
    defaults: dict[str, Any],
) -> Definition:
    """A definition in which fields and variables fit together.

    Without `variables` every field is a string that must be given. Raises `InvalidRequest`, which names
    what does not fit.
    """
    used = dict.fromkeys((*_fields(template, "template"), *_fields(system or "", "system")))
    declared = {name: Variable() for name in used} if variables is None else dict(variables)
    for name in used:
        if name not in declared:
            raise InvalidRequest("A field has this name, but no variable", field=_path(name))
    for name, variable in declared.items():
        if name not in used:
            raise InvalidRequest("No field has this name", field=_path(name))
        if variable.default is not None and not variable.takes(variable.default):
            raise InvalidRequest(
                f"This must be of the type {variable.type}", field=f"{_path(name)}.default"
            )
    if len(declared) > MAX_VARIABLES:
        raise InvalidRequest(f"There are more than {MAX_VARIABLES}", field="variables")
    return Definition(template=template, system=system, variables=declared, defaults=defaults)


def render(version: PromptVersion, given: Mapping[str, Value]) -> RenderedPrompt:
    """The version's texts with the variables in them.

    Raises `InvalidRequest` for variables that do not fit, and for texts that are empty or too long.
    """
    definition = version.definition
    texts = texts_of(definition.variables, given)
    template = Template.parse(definition.template)
    system = Template.parse(definition.system or "")
    characters = template.rendered_characters(texts) + system.rendered_characters(texts)
    if characters > MAX_RENDERED_CHARACTERS:
        raise InvalidRequest(
            f"With these the prompt has more than {MAX_RENDERED_CHARACTERS} characters",
            field="variables",
        )
    prompt = template.render(texts)
    if not prompt:
        raise InvalidRequest("With these the prompt is empty", field="variables")
    return RenderedPrompt(
        name=version.name,
        version=version.version,
        system=system.render(texts) or None,
        prompt=prompt,
        defaults=definition.defaults,
    )


def _fields(text: str, field: str) -> tuple[str, ...]:
    try:
        return Template.parse(text).fields
    except TemplateMistake as mistake:
        raise InvalidRequest(str(mistake), field=field) from mistake


def _path(name: str) -> str:
    return f"variables.{name}"
