"""A process that runs one job over a database, and says what happens to it.

The job is unfinished until the file `done` is in the folder. It waits to be killed, or else ends at once.
SIGUSR1 makes the process look for work; SIGUSR2 does so when two minutes have passed on its clock.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from service.adapters.jobs.dbos_jobs import DbosJobs
from service.adapters.jobs.executors import OneExecutor
from service.adapters.storage import open_storage
from service.adapters.storage.migrate import migrate
from tests.contracts.time import MovableClock


class Errand:
    """A Job with one piece of work."""

    kind = "errand"

    def __init__(self, folder: Path, *, waits: bool) -> None:
        self._done = folder / "done"
        self._waits = waits

    async def run(self, job_id: str) -> None:
        """Say so, and end at once or never."""
        say(f"started {job_id}")
        if self._waits:
            try:
                await asyncio.Event().wait()
            finally:
                say(f"cancelled {job_id}")
        self._done.touch()
        say(f"ended {job_id}")

    async def unfinished(self) -> Sequence[str]:
        """It, until it is done."""
        return [] if self._done.exists() else ["a"]


def say(line: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(database_url: str, folder: str, *, waits: bool) -> None:
    """Run until SIGTERM."""
    clock = MovableClock()
    await migrate(database_url)
    # Not entered: no ledger is needed.
    storage = open_storage(database_url, clock=clock)
    jobs = DbosJobs(
        [Errand(Path(folder), waits=waits)],
        database_url=database_url,
        executors=storage.job_executors if "postgresql" in database_url else OneExecutor(),
        clock=clock,
    )
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for sig in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sig, signals.put_nowait, sig)
    await jobs.start()
    await jobs.look()
    say("looked")
    while (sig := await signals.get()) != signal.SIGTERM:
        if sig == signal.SIGUSR2:
            clock.advance(120)
        await jobs.look()
        say("looked")
    await jobs.aclose()
    await storage.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], waits=sys.argv[3] == "waits"))
