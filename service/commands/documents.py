"""`ai-service ingest` and `ai-service ask`: documents in, answers out, over the API."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.api import DEFAULT_URL, ApiKey, Refused, Url, open_api, segment
from service.retrieval.formats import FORMATS

if TYPE_CHECKING:
    import httpx
    from rich.progress import Progress

Json = dict[str, Any]

CollectionName = Annotated[str, typer.Option("--collection", help="The name of a collection.")]

_PAGE = 100
_ENDED = frozenset({"ready", "failed"})
_TRIES = 5
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 3.0
_INTERRUPTED = 130
"""What shells say of a command that was ended with Ctrl-C."""


def ingest(
    source: Annotated[
        Path,
        typer.Argument(
            help="A file, or a folder with all that is in it.", exists=True, readable=True
        ),
    ],
    api_key: ApiKey,
    collection: CollectionName,
    url: Url = DEFAULT_URL,
) -> None:
    """Put txt, md, html, pdf, docx and json files into a collection, which is made if it is not there.

    Stays until they can be found. Run again, it sends only what is new or has changed. If a file cannot be
    ingested, it says why, and the exit code is 1.
    """
    files = _files(source)
    if not files:
        typer.echo(f"There is nothing to ingest: no file ends in {', '.join(FORMATS)}", err=True)
        raise typer.Exit(1)
    try:
        with open_api(url, api_key) as api:
            failed = _ingest(api, f"/collections/{segment(collection)}", files)
    except KeyboardInterrupt:
        typer.echo("The same command goes on where this one has stopped.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    for name, reason in failed.items():
        typer.echo(f"{_printable(name)}: {_printable(reason)}", err=True)
    if failed:
        raise typer.Exit(1)


def ask(
    question: Annotated[str, typer.Argument(help="In your own words.")],
    api_key: ApiKey,
    collection: CollectionName,
    url: Url = DEFAULT_URL,
    model: Annotated[str | None, typer.Option(help="Which model answers.")] = None,
    top_k: Annotated[int | None, typer.Option(help="How many sources, at most.")] = None,
) -> None:
    """Answer a question from a collection's documents, and name the sources."""
    options = {"question": question, "model": model, "top_k": top_k}
    body = {name: value for name, value in options.items() if value is not None}
    sources: list[Json] = []
    is_whole = False
    with open_api(url, api_key) as api:
        for event in _events(api, f"/collections/{segment(collection)}/query/stream", body):
            if event["type"] == "sources":
                sources = event["source_nodes"]
            elif event["type"] == "token":
                typer.echo(_printable(event["content"]), nl=False)
            elif event["type"] == "error":
                typer.echo()
                raise Refused(event["error"]["message"], is_temporary=True)
            elif event["type"] == "done":
                is_whole = True
    typer.echo()
    if not is_whole:
        typer.echo("The answer has broken off", err=True)
        raise typer.Exit(1)
    for node in sources:
        name = node["metadata"].get("file_name", node["document_id"])
        typer.echo(f"- {_printable(name)} ({node['score']:.2f})")


def _files(source: Path) -> dict[str, Path]:
    """By the name under which each is kept: the path within the folder."""
    if source.is_file():
        return {source.name: source}
    return {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file() and path.suffix.lower() in FORMATS
    }


def _ingest(api: "httpx.Client", path: str, files: dict[str, Path]) -> dict[str, str]:
    """Why which files were not ingested."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    _make_sure_of(api, path)
    known = {each["file_name"]: each for each in _documents(api, path)}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    unsent: dict[str, str] = {}
    names: dict[str, str] = {}  # by the document's id: a form spells some of them in another way
    with Progress(*columns, console=Console(stderr=True)) as progress:
        sending = progress.add_task("sent", total=len(files))
        for name, file in files.items():
            try:
                document = _sent(api, path, name, file.read_bytes(), known.get(name))
                names[document["id"]] = name
            except UnicodeEncodeError:
                unsent[name] = "Its name is not text in UTF-8"
            except OSError as unreadable:
                unsent[name] = str(unreadable.strerror)
            except Refused as refused:
                if refused.is_temporary:
                    raise
                unsent[name] = str(refused)
            progress.advance(sending)
        return unsent | _watch(api, path, names, progress)


def _make_sure_of(api: "httpx.Client", path: str) -> None:
    try:
        api.get(path)
    except Refused as refused:
        if refused.is_temporary:
            raise
        api.put(path, json={})  # who may not even look is told so here


def _is_the_same(document: Json, content: bytes) -> bool:
    is_well: bool = document["status"] != "failed"
    return is_well and document["content_sha256"] == hashlib.sha256(content).hexdigest()


def _sent(api: "httpx.Client", path: str, name: str, content: bytes, known: Json | None) -> Json:
    """The document, which is sent if it is new. To do so again changes nothing, so that it is tried a few
    times."""
    import httpx

    if known is not None and _is_the_same(known, content):
        return known
    wait_seconds = _FIRST_WAIT_SECONDS
    for tries_left in reversed(range(_TRIES)):
        try:
            answer = api.post(f"{path}/documents/upload", files={"file": (name, content)})
        except (httpx.TransportError, Refused) as failure:
            is_final = isinstance(failure, Refused) and not failure.is_temporary
            if is_final or not tries_left:
                raise
            time.sleep(wait_seconds)
            wait_seconds *= 2
        else:
            document: Json = answer.json()["documents"][0]
            return document
    raise AssertionError("the last try raises")


def _watch(
    api: "httpx.Client", path: str, names: dict[str, str], progress: "Progress"
) -> dict[str, str]:
    """Wait until the documents with these ids have ended; by name, why which of them failed."""
    import httpx

    task = progress.add_task("ready", total=len(names))
    wait_seconds = _FIRST_WAIT_SECONDS
    while True:
        try:
            documents = [each for each in _documents(api, path) if each["id"] in names]
        except (httpx.TransportError, Refused) as failure:
            if isinstance(failure, Refused) and not failure.is_temporary:
                raise
            progress.update(task, description="waiting for the service")
        else:
            ended = [each for each in documents if each["status"] in _ENDED]
            progress.update(task, description="ready", completed=len(ended))
            if len(ended) == len(documents):
                return {
                    names[each["id"]]: each["error"] for each in ended if each["status"] == "failed"
                }
        time.sleep(wait_seconds)
        wait_seconds = min(1.5 * wait_seconds, _LONGEST_WAIT_SECONDS)


def _documents(api: "httpx.Client", path: str) -> Iterator[Json]:
    """All documents of a collection."""
    asked: Json = {"limit": _PAGE}
    while True:
        page = api.get(f"{path}/documents", params=asked).json()
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        asked["cursor"] = page["next_cursor"]


def _events(api: "httpx.Client", path: str, body: Json) -> Iterator[Json]:
    with api.stream("POST", path, json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def _printable(text: str) -> str:
    """What documents and models say may hold control sequences of the terminal."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )
