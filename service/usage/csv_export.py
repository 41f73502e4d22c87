"""A report as CSV (RFC 4180), safe to open in a spreadsheet."""

import csv
import io

from service.usage.reports import UsageSummary

COLUMNS = (
    "group",
    "requests",
    "errors",
    "cache_hits",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost_usd",
)
# What makes a spreadsheet take a cell for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last four: full width


def to_csv(summary: UsageSummary) -> str:
    """A line for each group. The totals are left out: whoever adds up a column would count them twice."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in summary.groups:
        sums = each.sums
        writer.writerow(
            (
                _harmless(each.group or ""),
                sums.requests,
                sums.errors,
                sums.cache_hits,
                sums.input_tokens,
                sums.output_tokens,
                sums.total_tokens,
                f"{sums.cost_usd:f}",
            )
        )
    return text.getvalue()


def _harmless(cell: str) -> str:
    """`cell`, behind an apostrophe where it would be a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell
