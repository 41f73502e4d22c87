"""The console command `ai-service`."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from service import __version__
from service.observability import logs
from service.settings import Settings

app = typer.Typer(
    help="AI Service: one self-hosted API in front of many model providers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.command()
def serve() -> None:
    """Serve the API. Settings come from the environment, .env and AI_SERVICE_CONFIG_FILE."""
    from service.server import serve as run

    settings = _settings()
    run(settings)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. `serve` does this by itself."""
    from service.adapters.storage.migrate import migrate as run

    asyncio.run(run(_settings().storage_url))
    typer.echo("The database is up to date.")


@app.command("export-openapi")
def export_openapi(
    output: Annotated[Path | None, typer.Option(help="A file; absent: standard output.")] = None,
) -> None:
    """Write the OpenAPI document that the SDKs are generated from."""
    from service.app import create_app

    document = json.dumps(create_app(_settings()).openapi(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(document, nl=False)
    else:
        output.write_text(document)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _settings() -> Settings:
    """The settings, or a plain word on what is wrong with them."""
    try:
        settings = Settings()
    except (ValidationError, ValueError) as wrong:
        typer.echo(f"Cannot start: {_reason(wrong)}", err=True)
        raise typer.Exit(2) from wrong
    logs.configure(
        level=settings.log_level, log_format=settings.log_format, secrets=settings.secrets()
    )
    return settings


def _reason(wrong: ValueError) -> str:
    if not isinstance(wrong, ValidationError):
        return str(wrong)
    return "; ".join(
        f"{'.'.join(str(step) for step in problem['loc']) or 'settings'}: {problem['msg']}"
        for problem in wrong.errors(include_input=False)
    )


def main() -> None:
    """The entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
