"""Work that must survive the process that does it."""

from collections.abc import Sequence
from typing import Protocol


class Job(Protocol):
    """One kind of work. What there is to do, and how far it is, stands in rows of its own."""

    @property
    def kind(self) -> str:
        """The kind's name, kept with the work: it must not change."""
        ...

    async def run(self, job_id: str) -> None:
        """Do what is left of the work to its end.

        It is run again, here or elsewhere, after the death of whoever ran it; rarely two run it at once.
        It is cancelled when the process stops, and taken up again by the next.
        """
        ...

    async def unfinished(self) -> Sequence[str]:
        """The ids of all work that has not ended, running or not."""
        ...


class Jobs(Protocol):
    """Runs jobs, each at least once to its end, and no job of a living process elsewhere."""

    async def submit(self, kind: str, job_id: str) -> None:
        """See that the work is run, once its own row is committed.

        To submit it again changes nothing. If it is lost, the work is found by `Job.unfinished`, so this
        never raises.
        """
        ...
