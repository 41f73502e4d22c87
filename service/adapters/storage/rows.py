"""Which columns hold an intent and a settlement, taken from their own fields.

A new field of either needs a column and a migration before anything works: it cannot be forgotten.
"""

from typing import Any

import msgspec
from sqlalchemy import RowMapping

from service.usage.ports import Intent, ProviderReport, Settlement, UsageRecord

_INTENT_FIELDS: tuple[str, ...] = Intent.__struct_fields__
_SETTLEMENT_FIELDS: tuple[str, ...] = Settlement.__struct_fields__

# In the order of `msgspec.structs.astuple`; what a row holds and its lease stand behind the intent.
OPENED_COLUMNS = (
    *_INTENT_FIELDS,
    "budget_accounts",
    "reserved_usd",
    "instance_id",
    "lease_expires_at",
)
SETTLED_COLUMNS = _SETTLEMENT_FIELDS
_TAKEN_OVER = {
    **dict.fromkeys(("outcome", "cost_usd", "completed_at"), "NULL"),
    **{
        column: f"excluded.{column}"
        for column in ("budget_accounts", "reserved_usd", "instance_id", "lease_expires_at")
    },
}
# For a row that is opened again, which makes one run more. What an earlier one left is begun anew; what is
# paid for stays.
TAKE_OVER = "runs = requests.runs + 1, " + ", ".join(
    f"{column} = CASE WHEN requests.outcome = 'completed' THEN requests.{column} ELSE {taken} END"
    for column, taken in _TAKEN_OVER.items()
)


def usage_record(row: RowMapping) -> UsageRecord:
    """A row as the port tells it."""
    intent: dict[str, Any] = {field: row[field] for field in _INTENT_FIELDS}
    settlement: dict[str, Any] = {field: row[field] for field in _SETTLEMENT_FIELDS}
    report = row["provider_report"]
    return UsageRecord(
        intent=Intent(**intent),
        settlement=None if row["outcome"] is None else Settlement(**settlement),
        provider_report=None if report is None else msgspec.convert(report, ProviderReport),
        runs=row["runs"],
    )
