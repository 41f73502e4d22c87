"""What jobs and their workflows are called."""

from typing import Self

from msgspec import Struct


class JobName(Struct, frozen=True):
    """One piece of work."""

    kind: str
    job_id: str


class WorkflowName(Struct, frozen=True):
    """A workflow's id says which job it runs.

    `run` counts the workflows of one job. There is mostly one; a job that has returned, and whose work is
    unfinished none the less, has another. All processes find the same next one, so only one of them starts.
    """

    job: JobName
    run: int

    @classmethod
    def parse(cls, workflow_id: str) -> Self:
        """Raises `ValueError` if it is no job's."""
        kind, _, rest = workflow_id.partition(":")
        job_id, _, run = rest.rpartition(":")
        return cls(JobName(kind, job_id), int(run))

    @staticmethod
    def prefix(job: JobName) -> str:
        """How the ids of all the job's workflows begin, and perhaps others'."""
        return f"{job.kind}:{job.job_id}:"

    @property
    def id(self) -> str:
        """The workflow's id."""
        return f"{self.prefix(self.job)}{self.run}"
