"""Made by openapi-python-client from the OpenAPI document, by `make sdk-python`. Not to be edited."""

__version__ = "0.1.0"
