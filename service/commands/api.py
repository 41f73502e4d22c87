"""The service's HTTP API, for commands that may run on another machine than the service."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

if TYPE_CHECKING:
    import httpx

Url = Annotated[
    str, typer.Option("--url", envvar="AI_SERVICE_BASE_URL", help="Where the service is.")
]
ApiKey = Annotated[
    str, typer.Option("--api-key", envvar="AI_SERVICE_API_KEY", help="A key of the service.")
]
"""Both variables are those of the SDKs."""
DEFAULT_URL = "http://127.0.0.1:8000"

_PREFIX = "/api/v1"
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 300.0
"""A large upload is read to its end and checked before it is answered."""
_TEMPORARY = frozenset({429, 500, 502, 503, 504})


class Refused(Exception):
    """The service's answer is an error; the text is its message. `is_temporary`: it may go by."""

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary


@contextmanager
def open_api(url: str, key: str) -> Iterator["httpx.Client"]:
    """A client under the API's prefix whose error answers raise `Refused`.

    That, or a service that cannot be reached or is none, ends the command with one line and exit code 1.
    """
    import httpx  # not needed for serving

    if not key.isascii():
        raise typer.BadParameter("A key has ASCII characters only", param_hint="--api-key")
    try:
        with httpx.Client(
            base_url=f"{url.rstrip('/')}{_PREFIX}",
            headers={"X-API-Key": key},
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            event_hooks={"response": [_refuse_errors]},
        ) as client:
            yield client
    except Refused as refused:
        typer.echo(f"The service says: {refused}", err=True)
        raise typer.Exit(1) from refused
    except (httpx.TransportError, httpx.InvalidURL) as away:
        typer.echo(f"The service at {url} cannot be reached: {away}", err=True)
        raise typer.Exit(1) from away
    except json.JSONDecodeError as stranger:
        typer.echo(f"What answers at {url} is not the service", err=True)
        raise typer.Exit(1) from stranger
    except UnicodeEncodeError as unsendable:  # arguments and names of files may be any bytes
        typer.echo(f"This is not text in UTF-8: {unsendable.object!a}", err=True)
        raise typer.Exit(1) from unsendable


def segment(name: str) -> str:
    """A name as one step of a path, whatever is in it."""
    return quote(name, safe="")


def _refuse_errors(response: "httpx.Response") -> None:
    if response.is_success:
        return
    response.read()
    raise Refused(_message(response), is_temporary=response.status_code in _TEMPORARY)


def _message(response: "httpx.Response") -> str:
    """The envelope in a line; of an answer that is not the service's, its status."""
    try:
        error = response.json()["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code} {response.reason_phrase}"
    field = error.get("field")
    return f"{field}: {message}" if field else message
