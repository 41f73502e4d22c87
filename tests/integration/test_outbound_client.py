"""The guarded way out, over real sockets: a listener on loopback counts who connects."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from service.adapters.outbound.client import OutboundClient
from service.core.outbound import Unreachable, UrlRefused

UNUSED_PUBLIC = "2000::1"
"""A public number that is nobody's."""


class Listener:
    """Counts connections on loopback, in both families, and answers each with `answer`."""

    def __init__(self) -> None:
        self.connects = 0
        self.port = 0
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connects += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await self.may_answer.wait()
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """A listener."""
    listener = Listener()
    both = socket.socket(socket.AF_INET6)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.bind(("::", 0))
    listener.port = both.getsockname()[1]
    async with await asyncio.start_server(listener.serve, sock=both):
        yield listener
        listener.may_answer.set()


class Names(AbstractResolver):
    """Resolves every name to `answers`, in turn; the last one stands for all that follow."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def guarded(**options: Any) -> AsyncIterator[OutboundClient]:
    """A client that gives up soon."""
    client = OutboundClient(**{"timeout_seconds": 5.0} | options)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: OutboundClient, url: str, *, max_answer_bytes: int = 100) -> bytes:
    """The body of an answer."""
    answer = await client.request(
        "POST", url, headers={}, body=b"{}", max_answer_bytes=max_answer_bytes
    )
    return answer.body


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",  # noqa: S104
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
    ],
)
async def test_a_name_that_leads_to_an_address_that_is_not_public_is_never_connected_to(
    address: str, listener: Listener
) -> None:
    async with guarded(resolver=Names([address])) as client:
        with pytest.raises(Unreachable, match="address_refused"):
            await ask(client, f"https://innocent.example:{listener.port}/")
    assert listener.connects == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127。0。0。1",
        "127.0.0.1.",
        "localhost",
        "localhost.",
        "app.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "example.com@127.0.0.1",
        "metadata.google.internal",
    ],
)
async def test_no_way_to_write_loopback_is_connected_to(host: str, listener: Listener) -> None:
    async with guarded() as client:
        for scheme in ("https", "http"):
            with pytest.raises(UrlRefused):
                await ask(client, f"{scheme}://{host}:{listener.port}/")
    assert listener.connects == 0


async def test_a_name_that_is_rebound_after_the_first_look_is_never_connected_to(
    listener: Listener,
) -> None:
    names = Names([UNUSED_PUBLIC], ["127.0.0.1"])
    url = f"https://rebound.example:{listener.port}/"
    async with guarded(resolver=names, timeout_seconds=1.0) as client:
        for _ in range(2):
            with pytest.raises(Unreachable):
                await ask(client, url)
    async with guarded(resolver=names) as client:
        with pytest.raises(Unreachable, match="address_refused"):
            await ask(client, url)
    assert len(names.asked) > 1
    assert listener.connects == 0


async def test_of_several_addresses_those_that_are_not_public_are_left_out(
    listener: Listener,
) -> None:
    names = Names([UNUSED_PUBLIC, "127.0.0.1", "::1"])
    async with guarded(resolver=names, timeout_seconds=1.0) as client:
        with pytest.raises(Unreachable):
            await ask(client, f"https://mixed.example:{listener.port}/")
    assert listener.connects == 0


async def test_a_redirect_is_an_answer_and_is_not_followed(listener: Listener) -> None:
    allowed = f"localhost:{listener.port}"
    listener.answer = (
        b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n"
        b"location: http://127.0.0.1:%d/secret\r\n\r\n" % listener.port
    )
    async with guarded(allowed_hosts=[allowed]) as client:
        answer = await client.request(
            "POST", f"http://{allowed}/", headers={}, body=b"", max_answer_bytes=10
        )
    assert answer.status == 302
    assert listener.connects == 1


async def test_a_host_that_is_allowed_is_asked_and_no_other_port_of_it(listener: Listener) -> None:
    allowed = f"127.0.0.1:{listener.port}"
    async with guarded(allowed_hosts=[allowed]) as client:
        assert await ask(client, f"http://{allowed}/hooks?a=b") == b"ok"
        with pytest.raises(UrlRefused):
            await ask(client, f"http://127.0.0.2:{listener.port}/")
    assert listener.connects == 1
    assert listener.requests[0].startswith(b"POST /hooks?a=b HTTP/1.1\r\n")


async def test_an_allowed_host_does_not_open_the_others(listener: Listener) -> None:
    allowed = f"127.0.0.1:{listener.port}"
    async with guarded(allowed_hosts=[allowed], resolver=Names(["127.0.0.1"])) as client:
        assert await ask(client, f"http://{allowed}/") == b"ok"
        with pytest.raises(Unreachable, match="address_refused"):
            await ask(client, f"https://innocent.example:{listener.port}/")
    assert listener.connects == 1


async def test_no_more_of_an_answer_is_read_than_was_asked_for(listener: Listener) -> None:
    listener.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 100_000
    allowed = f"127.0.0.1:{listener.port}"
    async with guarded(allowed_hosts=[allowed]) as client:
        answer = await client.request(
            "GET", f"http://{allowed}/", headers={}, max_answer_bytes=1000
        )
    assert (len(answer.body), answer.is_cut) == (1000, True)


async def test_a_small_body_that_would_unfold_is_left_folded(listener: Listener) -> None:
    listener.answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nnotgz"
    allowed = f"127.0.0.1:{listener.port}"
    async with guarded(allowed_hosts=[allowed]) as client:
        assert await ask(client, f"http://{allowed}/") == b"notgz"


async def test_a_cookie_is_not_kept(listener: Listener) -> None:
    listener.answer = (
        b"HTTP/1.1 200 OK\r\nset-cookie: a=canary; Path=/\r\ncontent-length: 0\r\n\r\n"
    )
    allowed = f"localhost:{listener.port}"
    async with guarded(allowed_hosts=[allowed]) as client:
        for _ in range(2):
            await ask(client, f"http://{allowed}/")
    assert all(b"canary" not in request for request in listener.requests)
    assert len(listener.requests) == 2


async def test_a_receiver_that_says_nothing_is_given_up(listener: Listener) -> None:
    listener.may_answer.clear()
    allowed = f"127.0.0.1:{listener.port}"
    async with guarded(allowed_hosts=[allowed], timeout_seconds=0.2) as client:
        with pytest.raises(Unreachable, match="timeout"):
            await ask(client, f"http://{allowed}/")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", b"garbage\r\n\r\n"],
    ids=["nothing", "half", "garbage"],
)
async def test_half_an_answer_is_none(listener: Listener, answer: bytes) -> None:
    listener.answer = answer
    allowed = f"127.0.0.1:{listener.port}"
    async with guarded(allowed_hosts=[allowed]) as client:
        with pytest.raises(Unreachable):
            await ask(client, f"http://{allowed}/")


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    listener = Listener()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(tmp_path))
    async with (
        await asyncio.start_server(listener.serve, "127.0.0.1", 0, ssl=context) as server,
        guarded(allowed_hosts=["127.0.0.1"]) as client,
    ):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable, match="connection_failed"):
            await ask(client, f"https://127.0.0.1:{port}/")
    assert listener.requests == []


def certificate(folder: Path) -> Path:
    """A key and a certificate of its own making, in one file."""
    file = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    made = subprocess.run(["openssl", "x509", "-in", str(file)], check=False, capture_output=True)
    assert made.returncode == 0
    return file
