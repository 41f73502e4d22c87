"""Which columns hold an intent and a settlement, taken from their own fields.

A new field of either needs a column and a migration before anything works: it cannot be forgotten.
"""

from typing import Any

from sqlalchemy import RowMapping

from service.usage.ports import Intent, Settlement, UsageRecord

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
# What changes when a row is opened again.
TAKEN_OVER_COLUMNS = ("budget_accounts", "reserved_usd", "instance_id", "lease_expires_at")


def usage_record(row: RowMapping) -> UsageRecord:
    """A row as the port tells it."""
    intent: dict[str, Any] = {field: row[field] for field in _INTENT_FIELDS}
    settlement: dict[str, Any] = {field: row[field] for field in _SETTLEMENT_FIELDS}
    return UsageRecord(
        intent=Intent(**intent),
        settlement=None if row["outcome"] is None else Settlement(**settlement),
        runs=row["runs"],
    )
