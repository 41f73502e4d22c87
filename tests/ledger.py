"""Looking into a service's ledger from a test."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def ledger_rows(data_dir: Path) -> list[Row]:
    """The rows of an embedded ledger, oldest first."""
    with sqlite3.connect(data_dir / "ai-service.db", timeout=5) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM requests ORDER BY created_at, id").fetchall()
    database.close()
    return [dict(row) for row in rows]


async def settled_rows(data_dir: Path, count: int) -> list[Row]:
    """Wait until `count` rows are settled; a hang-up's row is written just after its caller has gone."""
    async with asyncio.timeout(5):
        while True:
            rows = ledger_rows(data_dir)
            if len(rows) >= count and all(row["outcome"] for row in rows):
                return rows
            await asyncio.sleep(0.01)
