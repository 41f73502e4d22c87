"""`ai-service batch` against a service in a process of its own."""

import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.commands import run_command
from tests.process import Program, ServiceProcess
from tests.running import ADMIN_KEY

REQUESTS = 30
REQUESTS_PER_SECOND = 10


def free_port() -> int:
    """A port that a service has again when it is started again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_requests(folder: Path, *lines: str) -> str:
    """A file of requests; without `lines`, of good ones."""
    path = folder / "requests.jsonl"
    good = [json.dumps({"prompt": f"Say {n}", "custom_id": f"c{n}"}) for n in range(REQUESTS)]
    path.write_text("\n".join(lines or good))
    return str(path)


def command(folder: Path, environment: dict[str, str], *arguments: str) -> Program:
    """`ai-service batch submit`, to be started."""
    submit = (sys.executable, "-m", "service", "batch", "submit", *arguments)
    return Program(submit, folder, {"PATH": "/usr/bin", **environment})


def test_a_watched_batch_outlives_its_service_and_loses_nothing(tmp_path: Path) -> None:
    settings = {"AI_SERVICE_ADMIN_KEY": ADMIN_KEY, "AI_SERVICE_PORT": str(free_port())}
    options = f"--watch --model haiku --requests-per-second {REQUESTS_PER_SECOND}"
    with ExitStack() as stack:
        with ServiceProcess(tmp_path, **settings) as service:
            environment = {"AI_SERVICE_API_KEY": ADMIN_KEY, "AI_SERVICE_BASE_URL": service.url}
            watching = stack.enter_context(
                command(tmp_path, environment, write_requests(tmp_path), *options.split())
            )
            batch_id = watching.wait_for_line("batch_")
        # It has been killed with -9.
        with ServiceProcess(tmp_path, **settings):
            ended = watching.wait_for_line(" requests; ")
            assert watching.wait() == 0
            shown = run_command(tmp_path, "batch", "status", batch_id, **environment)
            written = run_command(tmp_path, "batch", "results", batch_id, **environment)
    done = f"{REQUESTS} completed, 0 failed, 0 cancelled of {REQUESTS} requests; 0.000000 USD"
    assert ended == done
    assert shown.stdout.splitlines() == [f"{batch_id} completed", done]
    lines = [json.loads(line) for line in written.stdout.splitlines()]
    assert [line["custom_id"] for line in lines] == [f"c{n}" for n in range(REQUESTS)]
    assert {line["response"]["model"] for line in lines} == {"haiku"}


def test_what_the_service_refuses_is_told_in_a_line(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path, AI_SERVICE_ADMIN_KEY=ADMIN_KEY) as service:
        environment = {"AI_SERVICE_BASE_URL": service.url}
        bad = write_requests(tmp_path, '{"prompt":"Hi"}', "nonsense")
        for arguments, key, told in (
            (("submit", bad), ADMIN_KEY, "Line 2"),
            (("submit", bad), "sk-ais-wrong", "Invalid or missing API key"),
            (("status", "batch_unknown"), ADMIN_KEY, "no such batch"),
        ):
            done = run_command(tmp_path, "batch", *arguments, AI_SERVICE_API_KEY=key, **environment)
            assert (done.returncode, done.stdout) == (1, ""), arguments
            assert told in done.stderr, arguments
            assert len(done.stderr.splitlines()) == 1, arguments


def test_a_batch_is_cancelled(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path, AI_SERVICE_ADMIN_KEY=ADMIN_KEY) as service:
        environment = {"AI_SERVICE_API_KEY": ADMIN_KEY, "AI_SERVICE_BASE_URL": service.url}
        options = ("--requests-per-second", "0.01", "--watch")
        with command(tmp_path, environment, write_requests(tmp_path), *options) as watching:
            batch_id = watching.wait_for_line("batch_")
            assert run_command(tmp_path, "batch", "cancel", batch_id, **environment).returncode == 0
            assert watching.wait() == 1
        assert f"{batch_id} cancelled" in watching.output
