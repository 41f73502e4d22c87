"""Server processes: started on their core, waited for, looked at from outside, ended."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEASURED_CORE = "0"
LOAD_CORE = "1"
ANY_CORE = None

_START_SECONDS = 120
_LOOK_EVERY_SECONDS = 0.005
_CPU_CLOCK = 2  # CPUCLOCK_SCHED, as clock_getcpuclockid(3) puts it together
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Server:
    """A running server and its children."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time of the process and its children so far, to the microsecond."""
        return sum(time.clock_gettime((~pid << 3) | _CPU_CLOCK) for pid in self._processes())

    def resident_bytes(self) -> int:
        """Memory that is really there."""
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
            for pid in self._processes()
        )

    def _processes(self) -> list[int]:
        processes = [self.pid]
        for pid in processes:  # grows while it is gone through
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            processes += map(int, children.split())
        return processes


@dataclass(frozen=True)
class Command:
    """How a server is started, on which core, and the path that answers once it is up.

    With `up_path` None, a server is up that takes connections.
    """

    arguments: Sequence[str]
    port: int
    core: str | None
    environment: Mapping[str, str] = field(default_factory=dict)
    up_path: str | None = "/healthz"


@contextmanager
def running(command: Command) -> Iterator[Server]:
    """The server, from when it is up; in an empty folder, with a bare environment."""
    pinned = ["taskset", "-c", command.core] if command.core is not None else []
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), **command.environment}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*pinned, *command.arguments],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            if not _comes_up(process, command):
                output.seek(0)
                said = output.read().decode(errors="replace")[-3000:]
                raise RuntimeError(f"{' '.join(command.arguments)} did not start:\n{said}")
            yield Server(f"http://127.0.0.1:{command.port}", process.pid)
        finally:
            process.terminate()
            process.wait()


def _comes_up(process: "subprocess.Popen[bytes]", command: Command) -> bool:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            _knock(command)
        except urllib.error.HTTPError:
            return True  # it answers, if only with a 404
        except OSError:
            time.sleep(_LOOK_EVERY_SECONDS)
        else:
            return True
    return False


def _knock(command: Command) -> None:
    if command.up_path is None:
        socket.create_connection(("127.0.0.1", command.port)).close()
    else:
        urllib.request.urlopen(f"http://127.0.0.1:{command.port}{command.up_path}", timeout=1)


def python_module(*arguments: str) -> list[str]:
    """The command line of a module, in the Python of this process."""
    return [sys.executable, "-m", *arguments]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
