"""The smallest value that a JSON Schema allows, for answers that no model gave."""

from typing import Any

_MAX_DEPTH = 32
_MAX_VALUES = 10_000
"""A schema that requires itself has no end, or one beyond all memory: past either, it gets null."""

_FORMATS = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "sandbox@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}


def example_of(schema: dict[str, Any]) -> Any:
    """A value that `schema` allows, always the same one; patterns are not looked at.

    Raises `ValueError` for what is no JSON Schema.
    """
    try:
        return _Examples(schema).of(schema, _MAX_DEPTH)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError("not a JSON Schema") from error


class _Examples:
    """Makes the examples of one schema's parts."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._values_left = _MAX_VALUES

    def of(self, schema: Any, depth: int) -> Any:
        """The example of one part, with at most `depth` levels in it."""
        self._values_left -= 1
        if not isinstance(schema, dict) or depth == 0 or self._values_left < 0:
            return None
        schema = self._resolved(schema)
        for keyword in ("const", "default"):
            if keyword in schema:
                return schema[keyword]
        if choices := schema.get("enum") or schema.get("examples"):
            return choices[0]
        kind = schema.get("type") or _implied_type(schema)
        if isinstance(kind, list):
            kind = kind[0]
        if kind == "object":
            properties = schema.get("properties", {})
            required = schema.get("required", [])
            return {name: self.of(properties.get(name, {}), depth - 1) for name in required}
        if kind == "array":
            return [self.of(each, depth - 1) for each in self._items(schema)]
        return _scalar(kind, schema)

    def _items(self, schema: dict[str, Any]) -> list[Any]:
        """The schemas of as many items as there must be."""
        first = schema.get("prefixItems", [])
        missing = max(schema.get("minItems", 0) - len(first), 0)
        return [*first, *[schema.get("items", {})] * min(missing, _MAX_VALUES)]

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """`schema` with references followed, the first of its alternatives and all of its parts."""
        for _ in range(_MAX_DEPTH):
            if reference := schema.get("$ref"):
                rest = _without(schema, "$ref")
                schema = self._target(reference) | rest
            elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
                schema = _merged([_without(schema, "anyOf", "oneOf"), alternatives[0]])
            elif parts := schema.get("allOf"):
                schema = _merged([_without(schema, "allOf"), *parts])
            else:
                return schema
        return {}

    def _target(self, reference: str) -> dict[str, Any]:
        """What a local reference (`#/$defs/Name`) points to; nothing if it points elsewhere."""
        found: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
        return found if isinstance(found, dict) else {}


def _without(schema: dict[str, Any], *keywords: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keywords}


def _merged(schemas: list[Any]) -> dict[str, Any]:
    """The schema that asks for all that `schemas` ask for, as far as examples need it."""
    merged: dict[str, Any] = {}
    for schema in schemas:
        both = merged.keys() & schema.keys()
        for key, value in schema.items():
            if key == "properties" and key in both:
                merged[key] = merged[key] | value
            elif key == "required" and key in both:
                merged[key] = list(dict.fromkeys([*merged[key], *value]))
            else:
                merged[key] = value
    return merged


def _implied_type(schema: dict[str, Any]) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _scalar(kind: Any, schema: dict[str, Any]) -> Any:
    if kind == "string":
        text = _FORMATS.get(schema.get("format", ""), "sandbox")
        text = text.ljust(min(schema.get("minLength", 0), _MAX_VALUES), "x")
        return text[: schema.get("maxLength", len(text))]
    if kind in ("integer", "number"):
        return _number(schema, is_integer=kind == "integer")
    return False if kind == "boolean" else None


def _number(schema: dict[str, Any], *, is_integer: bool) -> int | float:
    """Zero, or the allowed number next to it."""
    step = schema.get("multipleOf") or (1 if is_integer else 0.5)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    number: int | float = 0
    if low is not None and low >= 0:
        number = -(-low // step) * step
        if number == schema.get("exclusiveMinimum"):
            number += step
    elif high is not None and high <= 0:
        number = high // step * step
        if number == schema.get("exclusiveMaximum"):
            number -= step
    return int(number) if is_integer else number
