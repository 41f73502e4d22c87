"""The settings of a command."""

import typer
from pydantic import ValidationError

from service.observability import logs
from service.settings import Settings


def load_settings() -> Settings:
    """The settings, or a plain word on what is wrong with them and exit code 2."""
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
