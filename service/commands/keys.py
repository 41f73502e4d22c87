"""`ai-service keys`: on the database of the settings, whether or not a server runs.

Whoever can read the settings rules all tenants.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from service.access.ports import (
    ALL_SCOPES,
    ApiKey,
    BudgetPeriod,
    KeyStoreUnavailable,
    Sanitize,
)
from service.access.schemas import MAX_OVERLAP_SECONDS, CreateKeyRequest
from service.access.usecases import CONSOLE, Keys, NewSecret
from service.core.clock import SystemClock
from service.core.errors import ServiceError
from service.observability import logs
from service.settings import Settings

T = TypeVar("T")

app = typer.Typer(help="Make, list, rotate and revoke API keys.", no_args_is_help=True)

_PAGE = 100
KeyId = Annotated[str, typer.Argument(help="The id of a key: key_…")]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; give it once for each.")],
    tenant: Annotated[str, typer.Option(help="Whose key it is.")] = CONSOLE.tenant,
    expires_in_days: Annotated[int | None, typer.Option(min=1, help="Absent: never.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Absent: no limit.")] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(help="Absent: no limit.")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="Absent: no budget.")] = None,
    budget_period: Annotated[BudgetPeriod, typer.Option()] = "month",
    rotate_after_days: Annotated[int | None, typer.Option(help="To be reminded.")] = None,
    sanitize: Annotated[Sanitize, typer.Option(help="How answers are cleaned.")] = "none",
    semantic_cache: Annotated[
        float | None, typer.Option(help="The least similarity for one answer to two questions.")
    ] = None,
) -> None:
    """Make a key and print its secret, this once."""
    body = _body(
        name=name,
        scopes=scope,
        tenant=tenant,
        expires_at=_in_days(expires_in_days),
        limits={"requests_per_minute": requests_per_minute, "tokens_per_minute": tokens_per_minute},
        budget=None if budget_usd is None else {"limit_usd": budget_usd, "period": budget_period},
        sanitize=sanitize,
        semantic_cache=None if semantic_cache is None else {"threshold": semantic_cache},
        rotate_after_days=rotate_after_days,
    )

    async def work(keys: Keys) -> NewSecret:
        return await keys.create(CONSOLE, body.to_settings(), tenant=body.tenant)

    _show_secret(_run(context, work))


@app.command("list")
def list_keys(
    context: typer.Context,
    tenant: Annotated[str | None, typer.Option(help="Whose keys; absent: all.")] = None,
) -> None:
    """List keys, the newest first, without browser tokens."""

    async def work(keys: Keys) -> list[ApiKey]:
        found: list[ApiKey] = []
        page = await keys.list_keys(CONSOLE, tenant=tenant, limit=_PAGE)
        while page:
            found += page
            page = await keys.list_keys(CONSOLE, tenant=tenant, limit=_PAGE, before=page[-1].id)
        return found

    found = _run(context, work)
    now = SystemClock().now()
    table = Table(
        Column("id", no_wrap=True),
        "name",
        "tenant",
        Column("scopes", ratio=1),
        Column("status", no_wrap=True),
        "last used",
        box=box.SIMPLE_HEAD,
    )
    for key in found:
        cells = (
            key.id,
            key.name,
            key.tenant,
            _scopes(key),
            key.status_at(now),
            _minute(key.last_used_at),
        )
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))  # Text: no markup in names
    Console().print(table)


def _scopes(key: ApiKey) -> str:
    return "all" if set(key.scopes) == set(ALL_SCOPES) else " ".join(key.scopes)


@app.command()
def rotate(
    context: typer.Context,
    key_id: KeyId,
    overlap_seconds: Annotated[
        int,
        typer.Option(min=0, max=MAX_OVERLAP_SECONDS, help="For how long the old secret works on."),
    ] = 3600,
) -> None:
    """Give a key another secret and print it, this once."""

    async def work(keys: Keys) -> NewSecret:
        return await keys.rotate(CONSOLE, key_id, overlap_seconds=overlap_seconds)

    _show_secret(_run(context, work))


@app.command()
def revoke(context: typer.Context, key_id: KeyId) -> None:
    """Revoke a key with its browser tokens, for good; servers feel it within a second."""

    async def work(keys: Keys) -> None:
        await keys.revoke(CONSOLE, key_id)

    _run(context, work)
    typer.echo(f"{key_id} is revoked.")


def _run(context: typer.Context, work: Callable[[Keys], Awaitable[T]]) -> T:
    """What `work` returns; what is wrong with it in plain words, and exit code 1."""
    from service.bootstrap import open_keys

    settings: Settings = context.obj
    logs.configure(level="warning", log_format=settings.log_format)

    async def with_keys() -> T:
        async with open_keys(settings) as keys:
            return await work(keys)

    try:
        return asyncio.run(with_keys())
    except (ServiceError, KeyStoreUnavailable, OSError) as wrong:
        typer.echo(f"Cannot do that: {wrong}", err=True)
        raise typer.Exit(1) from wrong


def _show_secret(made: NewSecret) -> None:
    """The secret alone on standard output, so that a script can take it."""
    typer.echo(f"{made.key.id}: this secret is shown once, keep it.", err=True)
    typer.echo(made.secret)


def _body(**fields: object) -> CreateKeyRequest:
    """What the API would take, too; anything else in plain words, and exit code 2."""
    try:
        return CreateKeyRequest.model_validate(fields)
    except ValidationError as wrong:
        problem = wrong.errors()[0]
        field = ".".join(str(step) for step in problem["loc"])
        raise typer.BadParameter(f"{field}: {problem['msg']}") from wrong


def _in_days(days: int | None) -> str | None:
    return None if days is None else (SystemClock().now() + timedelta(days=days)).isoformat()


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
