"""The console command `ai-service`."""

import asyncio
import gc
import json
from pathlib import Path
from typing import Annotated

import typer

from service import __version__
from service.commands import batch, keys
from service.commands.configuration import load_settings
from service.commands.documents import ask, ingest
from service.commands.usage import usage

app = typer.Typer(
    help="AI Service: one self-hosted API in front of many model providers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.command()
def serve() -> None:
    """Serve the API. Settings come from the environment, .env and AI_SERVICE_CONFIG_FILE."""
    gc.disable()  # until the server has started: it would search what is only being imported
    from service.server import serve as run

    settings = load_settings()
    run(settings)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. `serve` does this by itself."""
    from service.adapters.storage.migrate import migrate as run

    asyncio.run(run(load_settings().storage_url))
    typer.echo("The database is up to date.")


@app.command("export-openapi")
def export_openapi(
    output: Annotated[Path | None, typer.Option(help="A file; absent: standard output.")] = None,
) -> None:
    """Write the OpenAPI document that the SDKs are generated from."""
    from service.app import create_app

    document = (
        json.dumps(create_app(load_settings()).openapi(), indent=2, ensure_ascii=False) + "\n"
    )
    if output is None:
        typer.echo(document, nl=False)
    else:
        output.write_text(document)


def _give_settings(context: typer.Context) -> None:
    context.obj = load_settings()


app.add_typer(keys.app, name="keys", callback=_give_settings)
app.add_typer(batch.app, name="batch")
app.command()(usage)
app.command()(ingest)
app.command()(ask)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """The entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
