"""Jobs whose process dies, stops or freezes go on in another: on SQLite the next, on PostgreSQL any."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contracts.databases import SqliteDatabase
from tests.postgres import Postgres
from tests.process import Program

_ROOT = Path(__file__).parents[2]
StartRunner = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartRunner]:
    """Starts processes that run the job."""
    with ExitStack() as stack:

        def start_runner(database_url: str, *, waits: bool) -> Program:
            command = [
                *(sys.executable, "-m", "tests.contracts.errand_runner"),
                *(database_url, str(tmp_path), "waits" if waits else "ends"),
            ]
            environment = {"PATH": os.environ["PATH"]}
            return stack.enter_context(Program(command, _ROOT, environment))

        yield start_runner


def look(runner: Program, *, later: bool = False) -> None:
    """Have it look for work, when the leases that there are have run out if it is `later`."""
    runner.send(signal.SIGUSR2 if later else signal.SIGUSR1)
    runner.wait_for_line("looked")


def has_started(runner: Program) -> bool:
    return "started a" in runner.output


def test_sqlite_goes_on_at_the_next_start(start: StartRunner, tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "ai-service.db")
    killed = start(database.url, waits=True)
    killed.wait_for_line("started a")
    killed.send(signal.SIGKILL)
    killed.wait()
    start(database.url, waits=False).wait_for_line("ended a")


def test_postgres_runs_a_job_in_one_living_process(start: StartRunner, postgres: Postgres) -> None:
    url = postgres.create_database()
    first = start(url, waits=True)
    first.wait_for_line("started a")
    others = [start(url, waits=True) for _ in range(2)]
    for other in others:
        other.wait_for_line("looked")
        look(other)
        assert not has_started(other)
    first.send(signal.SIGKILL)
    first.wait()
    for other in others:
        look(other)
        assert not has_started(other)  # it has a lease yet
    for other in others:
        other.send(signal.SIGUSR2)
    for other in others:
        other.wait_for_line("looked")
    while not any(has_started(other) for other in others):
        for other in others:
            look(other)
    for other in others:
        look(other)
    assert [has_started(other) for other in others].count(True) == 1
    assert not any("cancelled a" in other.output for other in others)


def test_postgres_takes_over_at_once_from_who_stops(start: StartRunner, postgres: Postgres) -> None:
    url = postgres.create_database()
    stopped = start(url, waits=True)
    stopped.wait_for_line("started a")
    other = start(url, waits=False)
    other.wait_for_line("looked")
    stopped.send(signal.SIGTERM)
    assert stopped.wait() == 0
    assert "cancelled a" in stopped.output
    look(other)
    other.wait_for_line("ended a")


def test_postgres_takes_over_from_who_is_frozen_and_who_wakes_lets_go(
    start: StartRunner, postgres: Postgres
) -> None:
    url = postgres.create_database()
    frozen = start(url, waits=True)
    frozen.wait_for_line("started a")
    other = start(url, waits=True)
    other.wait_for_line("looked")
    frozen.send(signal.SIGSTOP)
    look(other, later=True)
    other.wait_for_line("started a")
    frozen.send(signal.SIGCONT)
    frozen.send(signal.SIGUSR1)
    frozen.wait_for_line("cancelled a")
    assert "cancelled a" not in other.output
