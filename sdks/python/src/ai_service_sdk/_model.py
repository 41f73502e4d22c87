"""Objects of answers, and how their fields are read. Nothing here raises on what it does not know."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

Converter = Callable[[Any], Any]
"""From decoded JSON to what a field holds. What has another shape than expected is passed through."""


class Model:
    """An object of an answer: `result.text` and `result["text"]` are the same.

    Fields that this version of the SDK does not know are kept and can be read in the same two ways. A field
    that may be missing is None then.
    """

    _converters: ClassVar[Mapping[str, Converter]] = {}

    def __init__(self, fields: Mapping[str, Any]) -> None:
        own = self.__dict__
        own.update(fields)
        for name, convert in self._converters.items():
            if name in own:
                own[name] = convert(own[name])

    @classmethod
    def _read(cls, value: Any) -> Any:
        """The object of what was decoded; the value itself if it is no JSON object."""
        return cls(value) if isinstance(value, dict) else value

    def __getitem__(self, name: str) -> Any:
        if name in self.__dict__:
            return self.__dict__[name]
        if getattr(type(self), name, self) is None:  # declared, and missing here
            return None
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The field, or `default` if it is not there."""
        return self.__dict__.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # equal by value, and fields may be changed

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and values, as they are in JSON."""
        return {name: plain(value) for name, value in self.__dict__.items()}

    def _with(self, **fields: Any) -> Self:
        """Add fields that were made here."""
        self.__dict__.update(fields)
        return self


def plain(value: Any) -> Any:
    """What JSON can say of `value`."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def each(convert: Converter) -> Converter:
    """A converter of lists."""
    return lambda value: [convert(item) for item in value] if isinstance(value, list) else value


def values_of(convert: Converter) -> Converter:
    """A converter of the values of a map."""

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: convert(item) for key, item in value.items()}

    return read


def time(value: Any) -> Any:
    """A `datetime`, or the text itself if it is none."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def as_is(value: Any) -> Any:
    """The value as it was decoded."""
    return value


def tagged(name: str, models: Mapping[Any, type[Model]]) -> Converter:
    """A converter of objects that tell by their field `name` which model they are."""

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return models.get(value.get(name), Model)(value)

    return read


def shaped(*models: tuple[type[Model], frozenset[str]]) -> Converter:
    """A converter of objects that are the first model whose required fields are all there."""

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for model, required in models:
            if required <= value.keys():
                return model(value)
        return Model(value)

    return read


def any_of(*converters: Converter) -> Converter:
    """A converter for what may have one of several JSON types: each passes on what is not its own."""

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value)
        return value

    return read
