"""The OpenAPI document, as tests read it."""

from collections.abc import Iterator
from typing import Any

from openapi_schema_validator import OAS31Validator

Json = dict[str, Any]


class Document:
    """A served document."""

    def __init__(self, content: Json) -> None:
        self.content = content
        self.schemas: Json = content["components"]["schemas"]

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        """Each operation with its method and path."""
        for path, methods in self.content["paths"].items():
            for method, operation in methods.items():
                yield method, path, operation

    def operation(self, path: str) -> Json:
        """The only operation of a path."""
        (operation,) = self.content["paths"][path].values()
        found: Json = operation
        return found

    def mistakes(self, value: object, schema: Json) -> list[str]:
        """What is wrong with `value` by a schema of this document."""
        validator = OAS31Validator(schema | {"components": self.content["components"]})
        return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(value)]

    def schema_of(self, path: str, status: int) -> Json:
        """The schema of an answer, whatever its media type."""
        (media,) = self.operation(path)["responses"][str(status)]["content"].values()
        schema: Json = media["schema"]
        return schema

    def referenced(self, schema: Json) -> Json:
        """What a `$ref` leads to."""
        found: Json = self.schemas[schema["$ref"].rpartition("/")[2]]
        return found
