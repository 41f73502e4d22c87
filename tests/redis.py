"""A real Redis for tests: the machine's own redis-server, one per session and module.

A test module takes the fixture with `from tests.redis import redis_server`. Tests that stop or freeze the
server leave it running again.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import redis

from tests.ports import free_port


class RedisServer:
    """A context manager: a redis-server without persistence. `options` are its command line's.

    Its port speaks plain Redis or, with the options that name a certificate, TLS.
    """

    def __init__(self, *options: str, password: str | None = None, tls: bool = False) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.fail("redis-server is not installed: apt-get install redis-server")
        self.port = free_port()
        self._password = password
        self._folder = Path(tempfile.mkdtemp(prefix="redis"))
        self._socket = str(self._folder / "redis.sock")
        ports = {"--port": "0", "--tls-port": str(self.port)} if tls else {"--port": str(self.port)}
        self._command = [program, "--bind", "127.0.0.1", "--save", ""]
        self._command += chain.from_iterable(ports.items())
        self._command += ["--unixsocket", self._socket, "--dir", str(self._folder), *options]
        if password is not None:
            self._command += ["--requirepass", password]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        """Its address, without a password."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, at the same address as before. Does nothing if the server runs."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        output = ""
        for line in self._process.stdout:
            output += line
            if "Ready to accept connections" in line:
                return
        self.stop()
        raise AssertionError(f"redis-server did not start: {output}")

    def stop(self) -> None:
        """Kill it: every connection is cut, every key is lost. Does nothing if it does not run."""
        if self._process is not None:
            with self._process:  # waits, and closes the pipe
                self._process.kill()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The process is stopped: it accepts connections, as the kernel does that, and answers nothing."""
        assert self._process is not None
        process_id = self._process.pid
        os.kill(process_id, signal.SIGSTOP)
        _, status = os.waitpid(process_id, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)

    def command(self, *words: str | bytes | int) -> Any:
        """What the server answers to a command."""
        with redis.Redis(unix_socket_path=self._socket, password=self._password) as client:
            return client.execute_command(*words)

    def flush(self) -> None:
        """Remove every key."""
        self.command("FLUSHALL")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The session's server."""
    with RedisServer() as server:
        yield server
