"""`deploy/backup.sh` and `deploy/restore.sh`: back up while it runs, lose everything, get it back."""

import hashlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.deployment import DEPLOY
from tests.e2e.routes import GENERATE
from tests.ledger import ledger_rows
from tests.postgres import Postgres
from tests.process import ServiceProcess

DOCKER = """\
#!/bin/sh
# A docker whose only container is this machine: `compose exec -T postgres COMMAND` runs here.
echo "$*" | head -n 1 >>"$DOCKER_LOG"
case "$1 $2 $3 $4" in
    "compose exec -T postgres") shift 4; exec "$@" ;;
    "compose up "* | "compose stop "*) ;;
    *) exit 64 ;;
esac
"""
SECRET = "a secret that every replica knows"


def run(script: Path, *arguments: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a script says, and how it ends."""
    return subprocess.run(
        [script, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def call(service: ServiceProcess, key: str | None, prompt: str) -> str:
    """The id of an answer, which must come."""
    async with service.client(key) as client:
        answer = await client.post(GENERATE, json={"prompt": prompt})
    assert answer.status_code == 200, answer.text
    request_id: str = answer.json()["id"]
    return request_id


def stop(service: ServiceProcess) -> None:
    """Stop it in good order."""
    service.send(signal.SIGINT)
    service.wait()


def is_private(folder: Path) -> bool:
    """Whether nobody else can read anything in it."""
    return all(
        not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder, *folder.iterdir())
    )


async def test_an_embedded_database_comes_back_with_its_keys_and_its_ledger(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    with ServiceProcess(tmp_path) as service:
        key = service.printed_key
        kept = await call(service, key, "before the backup")
        saved = run(DEPLOY / "backup.sh", backup, data)
        assert saved.returncode == 0, saved.stderr
        await call(service, key, "after the backup")
        stop(service)
    shutil.rmtree(data)
    assert is_private(backup)
    restored = run(DEPLOY / "restore.sh", backup, data)
    assert restored.returncode == 0, restored.stderr
    with ServiceProcess(tmp_path) as service:
        assert service.printed_key is None
        assert [row["id"] for row in ledger_rows(data)] == [kept]
        await call(service, key, "after the restore")
        stop(service)


async def test_an_embedded_database_is_not_replaced_under_a_running_service(
    tmp_path: Path,
) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    with ServiceProcess(tmp_path) as service:
        assert run(DEPLOY / "backup.sh", backup, data).returncode == 0
        kept = await call(service, service.printed_key, "x")
        refused = run(DEPLOY / "restore.sh", backup, data)
        assert refused.returncode == 1
        assert "stop the service first" in refused.stderr
        stop(service)
    assert [row["id"] for row in ledger_rows(data)] == [kept]
    assert run(DEPLOY / "restore.sh", backup, data).returncode == 0
    assert ledger_rows(data) == []
    for name in ("ai-service.db", "secret.key"):
        (data / f"{name}.before-restore").replace(data / name)
    assert [row["id"] for row in ledger_rows(data)] == [kept]


def test_a_damaged_copy_of_an_embedded_database_is_not_restored(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    data.mkdir()
    with closing(sqlite3.connect(data / "ai-service.db")) as database:
        database.execute("CREATE TABLE notes (note TEXT)")
    assert run(DEPLOY / "backup.sh", backup, data).returncode == 0
    there = (data / "ai-service.db").read_bytes()
    with (backup / "ai-service.db").open("r+b") as copy:
        copy.seek(100)
        copy.write(b"x")
    assert run(DEPLOY / "restore.sh", backup, data).returncode == 1
    assert (data / "ai-service.db").read_bytes() == there


def test_a_backup_never_overwrites_another_and_a_failed_one_does_not_look_whole(
    tmp_path: Path,
) -> None:
    backup = tmp_path / "backup"
    failed = run(DEPLOY / "backup.sh", backup, tmp_path / "nothing")
    assert failed.returncode == 1
    assert list(tmp_path.iterdir()) == []
    backup.mkdir()
    assert run(DEPLOY / "backup.sh", backup, tmp_path).returncode == 1
    assert list(backup.iterdir()) == []


@pytest.mark.parametrize("script", ["backup.sh", "restore.sh"])
def test_the_scripts_say_how_they_are_used(script: str) -> None:
    told = run(DEPLOY / script)
    assert told.returncode == 2
    assert f"deploy/{script} FOLDER DATA_DIR" in told.stderr


class Compose:
    """The folder of a deployment, and a PostgreSQL in place of its container."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder = folder
        self.log = folder / "docker.log"
        self.url = postgres.create_database()
        self.database = urlsplit(self.url).path.removeprefix("/")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "docker").write_text(DOCKER)
        (programs / "docker").chmod(0o755)
        shutil.copytree(DEPLOY, folder / "deploy")
        self.dotenv = folder / "deploy/.env"
        self.dotenv.write_text(f"AI_SERVICE_SECRET_KEY={SECRET}\n")
        self._environment = {
            "PATH": f"{programs}:{postgres.programs}:{os.environ['PATH']}",
            "DOCKER_LOG": str(self.log),
            "PGHOST": postgres.socket_folder,
            "POSTGRES_USER": "postgres",
            "POSTGRES_DB": self.database,
        }

    def run(self, script: str, backup: Path) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts, as an operator does."""
        return run(self.folder / "deploy" / script, backup, **self._environment)

    def service(self) -> ServiceProcess:
        """The service over this database."""
        return ServiceProcess(
            self.folder,
            DATABASE_URL=self.url,
            AI_SERVICE_SECRET_KEY=SECRET,
            AI_SERVICE_DRAIN_SECONDS="0",
        )

    async def query(self, statement: str, *, database: str | None = None) -> list[str]:
        """The first column of what a database answers."""
        connection = await asyncpg.connect(
            host=self._environment["PGHOST"], user="postgres", database=database or self.database
        )
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()


@pytest.fixture
def compose(tmp_path: Path, postgres: Postgres) -> Compose:
    """A deployment with an empty database."""
    return Compose(tmp_path, postgres)


async def test_a_postgresql_comes_back_with_its_keys_and_its_ledger(
    compose: Compose, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    with compose.service() as service:
        key = service.printed_key
        kept = await call(service, key, "before the backup")
        saved = compose.run("backup.sh", backup)
        assert saved.returncode == 0, saved.stderr
        await call(service, key, "after the backup")
        stop(service)
    assert is_private(backup)
    # The machine is lost: neither .env nor a table is left.
    compose.dotenv.unlink()
    await compose.query("DROP SCHEMA public CASCADE")
    await compose.query("CREATE SCHEMA public")
    restored = compose.run("restore.sh", backup)
    assert restored.returncode == 0, restored.stderr
    assert SECRET in compose.dotenv.read_text()
    with compose.service() as service:
        assert service.printed_key is None
        assert await compose.query("SELECT id FROM requests") == [kept]
        await call(service, key, "after the restore")
        stop(service)
    steps = [
        line
        for line in compose.log.read_text().splitlines()
        if line.startswith(("compose up", "compose stop"))
    ]
    assert steps == [
        "compose up --detach --wait postgres",
        "compose stop service",
        "compose up --detach --wait",
    ]


async def test_what_a_restore_replaces_is_kept_aside(compose: Compose, tmp_path: Path) -> None:
    await compose.query("CREATE TABLE notes AS SELECT 'backed up' AS note")
    assert compose.run("backup.sh", tmp_path / "backup").returncode == 0
    for state in ("first", "second"):
        await compose.query(f"UPDATE notes SET note = '{state}'")  # noqa: S608 - a test's own
        assert compose.run("restore.sh", tmp_path / "backup").returncode == 0
        assert await compose.query("SELECT note FROM notes") == ["backed up"]
        aside = f"{compose.database}_before_restore"
        assert await compose.query("SELECT note FROM notes", database=aside) == [state]


async def test_a_damaged_dump_changes_nothing(compose: Compose, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    await compose.query("CREATE TABLE notes AS SELECT 'there' AS note")
    assert compose.run("backup.sh", backup).returncode == 0
    dump = backup / "ai-service.dump"
    dump.write_bytes(dump.read_bytes()[:-100])
    assert compose.run("restore.sh", backup).returncode != 0
    assert await compose.query("SELECT note FROM notes") == ["there"]


async def test_a_restore_that_fails_stops_and_changes_nothing(
    compose: Compose, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    await compose.query("CREATE TABLE notes AS SELECT 'there' AS note")
    assert compose.run("backup.sh", backup).returncode == 0
    (backup / "ai-service.dump").write_text("not a dump")
    checksum = hashlib.sha256(b"not a dump").hexdigest()
    (backup / "SHA256SUMS").write_text(f"{checksum}  ai-service.dump\n")
    assert compose.run("restore.sh", backup).returncode != 0
    assert await compose.query("SELECT note FROM notes") == ["there"]
    assert "compose stop service" not in compose.log.read_text()


def test_a_backup_under_another_secret_is_refused(compose: Compose, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    assert compose.run("backup.sh", backup).returncode == 0
    compose.dotenv.write_text("AI_SERVICE_SECRET_KEY=another\n")
    before = compose.log.read_text()
    refused = compose.run("restore.sh", backup)
    assert refused.returncode == 1
    assert "AI_SERVICE_SECRET_KEY" in refused.stderr
    assert compose.log.read_text() == before


def test_a_dump_that_fails_is_no_backup(
    compose: Compose, tmp_path: Path, postgres: Postgres
) -> None:
    postgres.stop()
    try:
        assert compose.run("backup.sh", tmp_path / "backup").returncode != 0
    finally:
        postgres.start()
    assert not (tmp_path / "backup").exists()
