"""`ai-service batch`: durable batches from a terminal."""

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from service.commands.api import DEFAULT_URL, ApiKey, Refused, Url, open_api, segment

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]

app = typer.Typer(help="Submit, watch, read and cancel batches over the API.", no_args_is_help=True)

BatchId = Annotated[str, typer.Argument(help="The id of a batch: batch_…")]

_FINISHED = frozenset({"completed", "failed", "cancelled", "expired"})
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 2.0
_INTERRUPTED = 130
"""What shells say of a command that was ended with Ctrl-C."""


@app.command()
def submit(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON Lines: a generate or chat body a line.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    api_key: ApiKey,
    url: Url = DEFAULT_URL,
    model: Annotated[str | None, typer.Option(help="For the lines that name none.")] = None,
    max_concurrency: Annotated[
        int | None, typer.Option(help="How many requests run at once, at most.")
    ] = None,
    requests_per_second: Annotated[
        float | None, typer.Option(help="How fast requests are started, at most.")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="service, or provider for its own batches at their lower price."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until it has ended.")] = False,
) -> None:
    """Submit a file and print the batch's id.

    With --watch a progress bar shows how far it is, also across restarts of the service. Unless the batch
    completes, if with failed requests, the exit code is then 1.
    """
    options = {
        "max_concurrency": max_concurrency,
        "requests_per_second": requests_per_second,
        "mode": mode,
    }
    form = {name: str(value) for name, value in options.items() if value is not None}
    with ExitStack() as stack:
        api = stack.enter_context(open_api(url, api_key))
        lines: IO[bytes] = stack.enter_context(file.open("rb"))
        if model is not None:
            changed = stack.enter_context(tempfile.TemporaryFile())
            changed.writelines(_with_model(line, model) for line in lines)
            changed.seek(0)
            lines = changed
        upload = {"file": (file.name, lines, "application/jsonl")}
        batch = api.post("/batches/upload", data=form, files=upload).json()
        typer.echo(batch["id"])
        if watch:
            batch = _watch(api, batch)
            _show(batch, to_stderr=True)
            if batch["status"] != "completed":
                raise typer.Exit(1)


@app.command()
def status(batch_id: BatchId, api_key: ApiKey, url: Url = DEFAULT_URL) -> None:
    """Print how far a batch is, and what it has cost."""
    with open_api(url, api_key) as api:
        _show(api.get(f"/batches/{segment(batch_id)}").json())


@app.command()
def results(
    batch_id: BatchId,
    api_key: ApiKey,
    url: Url = DEFAULT_URL,
    output: Annotated[
        Path | None, typer.Option(help="A file; absent: standard output.", dir_okay=False)
    ] = None,
) -> None:
    """Write the results that there are, as JSON Lines in the order of the requests."""
    with ExitStack() as stack:
        api = stack.enter_context(open_api(url, api_key))
        answer = stack.enter_context(api.stream("GET", f"/batches/{segment(batch_id)}/results"))
        # Not before the answer is good: what was in the file stays if there is no such batch.
        file = None if output is None else stack.enter_context(_opened(output))
        for piece in answer.iter_bytes():
            typer.echo(piece, file=file, nl=False)


@app.command()
def cancel(batch_id: BatchId, api_key: ApiKey, url: Url = DEFAULT_URL) -> None:
    """Cancel what is left of a batch."""
    with open_api(url, api_key) as api:
        _show(api.post(f"/batches/{segment(batch_id)}/cancel").json())


def _opened(output: Path) -> IO[bytes]:
    try:
        return output.open("wb")
    except OSError as impossible:
        raise typer.BadParameter(str(impossible), param_hint="--output") from impossible


def _with_model(line: bytes, model: str) -> bytes:
    """The line with a model. What is no JSON object stays as it is: the service says where it stands."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(body, dict) or "model" in body:
        return line
    return json.dumps(body | {"model": model}).encode() + b"\n"


def _watch(api: "httpx.Client", batch: Json) -> Json:
    """Show how far the batch is until it has ended, and return it as it then is."""
    import httpx
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TextColumn("{task.fields[cost]:.6f} USD"),
        TimeRemainingColumn(),
    )
    wait_seconds = _FIRST_WAIT_SECONDS
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(batch["status"], failed=0, cost=0.0)
            while True:
                counts = batch["counts"]
                progress.update(
                    task,
                    description=_state(batch),
                    total=counts["total"],
                    completed=counts["completed"] + counts["failed"] + counts["cancelled"],
                    failed=counts["failed"],
                    cost=batch["cost_usd"],
                )
                if batch["status"] in _FINISHED:
                    return batch
                time.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
                try:
                    batch = api.get(f"/batches/{batch['id']}").json()
                except httpx.TransportError:
                    progress.update(task, description="waiting for the service")
                except Refused as refused:
                    if not refused.is_temporary:
                        raise
                    progress.update(task, description="waiting for the service")
    except KeyboardInterrupt:
        typer.echo(f"It goes on: ai-service batch status {batch['id']}", err=True)
        raise typer.Exit(_INTERRUPTED) from None


def _state(batch: Json) -> str:
    reason = batch.get("reason")
    return f"{batch['status']}: {reason}" if reason else str(batch["status"])


def _show(batch: Json, *, to_stderr: bool = False) -> None:
    counts = batch["counts"]
    numbers = ", ".join(f"{counts[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    typer.echo(
        f"{batch['id']} {_state(batch)}\n"
        f"{numbers} of {counts['total']:,} requests; {batch['cost_usd']:.6f} USD",
        err=to_stderr,
    )
