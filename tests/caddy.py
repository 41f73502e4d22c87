"""A real Caddy with the repository's own Caddyfile."""

import shutil
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from tests.deployment import CADDYFILE
from tests.ports import free_port
from tests.process import Program


class Caddy(Program):
    """A context manager: Caddy for https://localhost in front of a port of this machine."""

    def __init__(self, folder: Path, *, upstream_port: int) -> None:
        program = shutil.which("caddy")
        if program is None:
            pytest.fail("caddy is not installed: apt-get install caddy")
        self.port, self.http_port = free_port(), free_port()
        self._root = folder / "caddy/pki/authorities/local/root.crt"
        super().__init__(
            [program, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
            folder,
            {
                "HOME": str(folder),
                "XDG_DATA_HOME": str(folder),
                "XDG_CONFIG_HOME": str(folder),
                "SITE_ADDRESS": "localhost",
                "TLS": "internal",
                "HTTP_PORT": str(self.http_port),
                "HTTPS_PORT": str(self.port),
                "UPSTREAM_HOST": "127.0.0.1",
                "UPSTREAM_PORT": str(upstream_port),
            },
        )

    def start(self) -> None:
        """Start it and wait until it has its certificate."""
        super().start()
        self.wait_for_line("certificate obtained successfully")
        while not self._shakes_hands():  # it has the certificate a moment before it uses it
            pass

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A client that trusts nothing but this Caddy's own authority."""
        return httpx.AsyncClient(
            base_url=f"https://localhost:{self.port}",
            headers={"X-API-Key": key} if key else {},
            verify=self._trust(),
            timeout=30,
        )

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._root)

    def _shakes_hands(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            try:
                self._trust().wrap_socket(connection, server_hostname="localhost").close()
            except ssl.SSLError:
                return False
        return True
