"""`ai-service usage`: what was used and what it cost, straight from the database."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.access.admin_key import DEFAULT_TENANT
from service.commands.configuration import load_settings
from service.core.errors import InvalidRequest, ServiceError, Unavailable
from service.settings import Settings
from service.usage.csv_export import to_csv
from service.usage.period import parse_moment
from service.usage.reports import Sums, UsageSummary

_NUMBERS = ("requests", "errors", "cache\nhits", "input\ntokens", "output\ntokens", "cost\n(USD)")
_PIPED_WIDTH = 200  # characters; no number may be cut for want of a terminal


def usage(
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="An RFC 3339 time or a date (UTC). [default: this month's first]"
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="The first moment after the report. [default: now]")
    ] = None,
    group_by: Annotated[str, typer.Option(help="day, model, key, prompt or tag:NAME.")] = "day",
    tenant: Annotated[str, typer.Option(help="Whose usage.")] = DEFAULT_TENANT,
    csv: Annotated[bool, typer.Option("--csv", help="CSV without totals, not a table.")] = False,
) -> None:
    """Print what a tenant used and what it cost."""
    first, last = _moment(start, "--from"), _moment(end, "--to")
    settings = load_settings()
    try:
        summary = asyncio.run(
            _summary(settings, tenant=tenant, start=first, end=last, group_by=group_by)
        )
    except InvalidRequest as error:
        typer.echo(f"{error.field}: {error.message}", err=True)
        raise typer.Exit(2) from error
    except Unavailable as error:
        typer.echo(
            "The ledger cannot be read: is its database there, and up to date (`ai-service migrate`)?",
            err=True,
        )
        raise typer.Exit(1) from error
    except ServiceError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    if csv:
        typer.echo(to_csv(summary), nl=False)
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = _PIPED_WIDTH
        console.print(_table(summary, group_by=group_by))


async def _summary(
    settings: Settings, *, tenant: str, start: datetime | None, end: datetime | None, group_by: str
) -> UsageSummary:
    from service.bootstrap import open_reporting  # takes its time: the other commands do without

    async with open_reporting(settings) as reporting:
        return await reporting.summary(tenant=tenant, start=start, end=end, group_by=group_by)


def _moment(text: str | None, option: str) -> datetime | None:
    try:
        return None if text is None else parse_moment(text)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint=option) from wrong


def _table(summary: UsageSummary, *, group_by: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column(_printable(group_by), footer="total")
    for name, footer in zip(_NUMBERS, _cells(summary.totals), strict=True):
        table.add_column(name, footer=footer, justify="right", no_wrap=True)
    for each in summary.groups:
        group = "-" if each.group is None else each.group
        table.add_row(_printable(group), *_cells(each.sums))
    return table


def _cells(sums: Sums) -> tuple[str, ...]:
    counts = (sums.requests, sums.errors, sums.cache_hits, sums.input_tokens, sums.output_tokens)
    return (*(f"{count:,}" for count in counts), f"{sums.cost_usd:,.6f}")


def _printable(text: str) -> Text:
    """What callers wrote may hold control sequences of the terminal, or rich's own markup."""
    return Text(
        "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
        )
    )
