"""`ai-service keys`, beside a running service and without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.keys import KEYS
from tests.e2e.routes import MODELS
from tests.running import ADMIN_KEY, RunningService, make_settings


class Console:
    """A console on the machine of the service whose data is in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def run(self, *arguments: str, code: int = 0, admin_key: str = ADMIN_KEY) -> tuple[str, str]:
        """What `ai-service keys` writes to standard output, and to standard error."""
        done = subprocess.run(
            [sys.executable, "-m", "service", "keys", *arguments],
            cwd=self._data_dir,
            env={
                "PATH": "/usr/bin",
                "COLUMNS": "200",
                "AI_SERVICE_DATA_DIR": str(self._data_dir),
                "AI_SERVICE_ADMIN_KEY": admin_key,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


async def test_keys_are_made_listed_rotated_and_revoked_beside_a_running_service(
    console: Console, tmp_path: Path
) -> None:
    with RunningService(make_settings(tmp_path)) as service:
        bounds = "--requests-per-minute 60 --budget-usd 5 --budget-period day --expires-in-days 9"
        options = f"--tenant acme --scope generate --scope embed --rotate-after-days 30 {bounds}"
        out, err = console.run("create", "[bold]Backend", *options.split())
        secret, key_id = out.strip(), err.partition(":")[0]
        async with service.client() as admin:
            shown = (await admin.get(f"{KEYS}/{key_id}")).json()
        assert (shown["name"], shown["tenant"]) == ("[bold]Backend", "acme")
        assert shown["scopes"] == ["generate", "embed"]
        assert shown["limits"] == {"requests_per_minute": 60, "tokens_per_minute": None}
        assert shown["budget"] == {"limit_usd": 5, "period": "day"}
        async with service.client(key=secret) as old:
            assert (await old.get(MODELS)).status_code == 200

        listed, _ = console.run("list", "--tenant", "acme")
        assert key_id in listed
        assert "[bold]Backend" in listed
        assert "key_admin" not in listed
        assert secret not in listed

        rotated, _ = console.run("rotate", key_id, "--overlap-seconds", "0")
        async with service.client(key=rotated.strip()) as new, service.client(key=secret) as old:
            assert (await new.get(MODELS)).status_code == 200
        console.run("revoke", key_id)
        listed, _ = console.run("list")
        assert "revoked" in listed
        assert "key_admin" in listed


def test_what_cannot_be_done_is_said_in_plain_words(console: Console) -> None:
    _, err = console.run("revoke", "key_nothing", code=1)
    assert err.splitlines() == ["Cannot do that: There is no such key"]
    for option, value, said in (
        ("--scope", "root", "scopes.1"),
        ("--tenant", "a b", "tenant"),
        ("--budget-usd", "1e12", "budget.limit_usd"),
        ("--requests-per-minute", "0", "limits.requests_per_minute"),
    ):
        _, err = console.run("create", "x", "--scope", "generate", option, value, code=2)
        assert f"Invalid value: {said}" in err
    _, err = console.run("list", code=2, admin_key="changeme")
    assert "AI_SERVICE_ADMIN_KEY is weak" in err
    assert "Traceback" not in err
