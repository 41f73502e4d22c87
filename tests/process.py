"""Programs that tests start, and the service as an operator runs it: a process of its own."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

START_SECONDS = 30


class Program:
    """A context manager: `command` in `folder`, with nothing but `environment`. Its output is read line by
    line; `start` is for subclasses that know which line says that it is ready."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._lines: queue.Queue[str] = queue.Queue()
        self.output: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(ProcessLookupError):  # its workers too: they would keep the pipe open
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()  # type: ignore[union-attr]  # it is a pipe

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_line(self, text: str) -> str:
        """The next line of output that holds `text`."""
        while True:
            line = self._lines.get(timeout=START_SECONDS)
            if text in line:
                return line

    def send(self, sig: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(sig)

    def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        return self._process.wait(timeout=START_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line.rstrip())
            self._lines.put(line.rstrip())


class ServiceProcess(Program):
    """A context manager: `ai-service serve` with `environment`, in `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = (sys.executable, "-m", "service", "serve"),
        **environment: str,
    ) -> None:
        defaults = {
            "PATH": os.environ["PATH"],
            "AI_SERVICE_PORT": "0",
            "AI_SERVICE_LOG_FORMAT": "json",
        }
        super().__init__(command, folder, defaults | environment)
        self.url = ""

    def start(self) -> None:
        """Start it and wait until it accepts work."""
        super().start()
        self.url = self.wait_for_line("AI Service").split()[-1]
        self.wait_for_line("Application startup complete")
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        """uvicorn says that it has started just before."""
        address = urlsplit(self.url)
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((address.hostname, address.port)).close()
            except ConnectionRefusedError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.005)
            else:
                return

    @property
    def printed_key(self) -> str | None:
        """The API key that was printed, if one was."""
        lines = [line for line in self.output if line.startswith("API key")]
        return lines[0].split()[-1] if lines else None

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A client of the service."""
        headers = {"X-API-Key": key} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)
