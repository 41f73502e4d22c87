"""A way to PostgreSQL on which an answer can be lost, together with its connection."""

import asyncio
import shutil
import tempfile
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from typing import Self

from sqlalchemy.engine import make_url

_SOCKET = ".s.PGSQL.5432"


class CutAnswers:
    """Passes everything on between a client and the server, but for the answer to a ledger's INSERT."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        self._server_socket = Path(str(url.query["host"])) / _SOCKET
        self._folder = Path(tempfile.mkdtemp(prefix="cut"))
        self._server: asyncio.Server | None = None
        self.url = url.update_query_dict({"host": str(self._folder)}).render_as_string(False)
        # Set to lose the next answer; unset when it is lost.
        self.next_answer = False
        self._clients: list[StreamWriter] = []

    def say_that_the_server_shuts_down(self) -> None:
        """What it says to every client, whether it has been asked or not, before it goes."""
        fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
        for client in self._clients:
            client.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._pass_on, self._folder / _SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        shutil.rmtree(self._folder)

    async def _pass_on(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._server_socket)
        self._clients.append(to_client)
        try:
            async with asyncio.TaskGroup() as both:
                questions = both.create_task(_copy(from_client, to_server))
                await self._answer(from_server, to_client)
                questions.cancel()
        finally:
            to_client.close()
            to_server.close()

    async def _answer(self, from_server: StreamReader, to_client: StreamWriter) -> None:
        while data := await from_server.read(65536):
            if self.next_answer and b"INSERT 0 1" in data:  # it has been committed
                self.next_answer = False
                return
            to_client.write(data)


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
    target.write_eof()
