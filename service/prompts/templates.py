"""Text with `{variable}` fields: what may stand in it, and what it says once they are filled in.

A field is a name and nothing else: no attribute, no index, no format. So rendering can do nothing but put
texts together, and what was put in is not looked at again. `{{` and `}}` stand for braces.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Literal

from msgspec import Struct

from service.core.errors import InvalidRequest

MAX_RENDERED_CHARACTERS = 10_000_000
"""A field may be used often, and what it is filled with may be long: a bound on what comes of both."""

VARIABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
VariableType = Literal["string", "number", "integer", "boolean"]
Value = str | int | float | bool

_NAME = re.compile(VARIABLE_NAME, re.ASCII)
_PLACE = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|[{}])")
_BRACES = {"{{": "{", "}}": "}"}
_PYTHON_TYPES: dict[VariableType, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
}


class TemplateMistake(Exception):
    """What a template may not hold. The message is for people, and quotes nothing."""


class Template(Struct, frozen=True):
    """A template that was read: literals, and what stands in the places between them.

    That is a field's name or a single brace, which no name can be.
    """

    literals: tuple[str, ...]
    places: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Raises `TemplateMistake`."""
        parts = _PLACE.split(text)
        places = []
        for index in range(1, len(parts), 2):
            part = parts[index]
            if part in _BRACES:
                places.append(_BRACES[part])
            elif _NAME.fullmatch(part[1:-1]):
                places.append(part[1:-1])
            else:
                raise _complaint(part, at=len("".join(parts[:index])) + 1)
        return cls(tuple(parts[::2]), tuple(places))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields' names, as often as they are used."""
        return tuple(place for place in self.places if place not in ("{", "}"))

    def rendered_characters(self, texts: Mapping[str, str]) -> int:
        """How long `render` would be."""
        return sum(map(len, self.literals)) + sum(map(len, self._filled(texts)))

    def render(self, texts: Mapping[str, str]) -> str:
        """The template with a text in each field's place."""
        pieces = zip_longest(self.literals, self._filled(texts), fillvalue="")
        return "".join(chain.from_iterable(pieces))

    def _filled(self, texts: Mapping[str, str]) -> Iterator[str]:
        fillings = {"{": "{", "}": "}", **texts}
        return map(fillings.__getitem__, self.places)


def _complaint(part: str, *, at: int) -> TemplateMistake:
    if part in ("{", "}"):
        problem = f"The brace at character {at} stands alone"
    else:
        problem = (
            f"The field at character {at} is not just a name: letters, digits and underscores, at most 64,"
            " and no digit first"
        )
    return TemplateMistake(f"{problem}. Write {{{{ and }}}} for braces")


class Variable(Struct, frozen=True, kw_only=True):
    """What a field takes. Without a default it must be given."""

    type: VariableType = "string"
    default: Value | None = None
    description: str | None = None

    def takes(self, value: Value) -> bool:
        """Whether the value is of the variable's type. A boolean is no number."""
        is_boolean = isinstance(value, bool)
        return isinstance(value, _PYTHON_TYPES[self.type]) and is_boolean == (
            self.type == "boolean"
        )


def texts_of(variables: Mapping[str, Variable], given: Mapping[str, Value]) -> dict[str, str]:
    """What to put into each field: a string as it is, anything else as JSON.

    Raises `InvalidRequest`, which names the variable, for one that is not declared, has another type, or is
    missing.
    """
    for name in given:
        if name not in variables:
            known = f"it has {', '.join(variables)}" if variables else "it has none"
            raise _mistake(name, f"The prompt has no such variable; {known}")
    missing = [name for name, v in variables.items() if v.default is None and name not in given]
    if missing:
        raise _mistake(missing[0], f"The prompt needs {', '.join(missing)}")
    texts = {}
    for name, variable in variables.items():
        value = given.get(name, variable.default)
        if value is None or not variable.takes(value):
            raise _mistake(name, f"This must be of the type {variable.type}")
        texts[name] = value if isinstance(value, str) else json.dumps(value)
    return texts


def _mistake(name: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, field=f"variables.{name}")
