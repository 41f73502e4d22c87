"""The DocumentReader port: files of every format, and what hostile ones do to their reader."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec
import pytest
import uvloop

from service.adapters.documents.frames import ReadAnswer, ReadRequest, length_of
from service.adapters.documents.reader import WorkerReader
from service.retrieval.ports import DocumentFormat, ReaderUnavailable, Unreadable
from tests.contracts.time import until
from tests.documents import docx, docx_of, paragraph, pdf

MIB = 1024 * 1024


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[WorkerReader]:
    """One for all: its worker takes seconds to start."""
    ready = WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)
    yield ready
    await ready.aclose()


async def read(
    reader: WorkerReader, content: bytes, format_: DocumentFormat, chunk_size: int = 512
) -> list[str]:
    return await reader.chunks(content, format_, chunk_size=chunk_size, chunk_overlap=16)


@pytest.mark.parametrize(
    ("content", "format_", "text"),
    [
        (b"Plain text.\r\nTwo lines.", "text", "Plain text.\nTwo lines."),
        ("Grüße".encode("utf-8-sig"), "text", "Grüße"),
        ("Grüße".encode("utf-16"), "text", "Grüße"),
        (b"# Title\n\nText", "markdown", "# Title\n\nText"),
        (
            b"<html><head><style>p{}</style></head><body><p>One &amp; <b>two</b></p><p>Three</p>",
            "html",
            "One & two\n\nThree",
        ),
        (b'{"a": {"b": [1, "x"]}, "c": null}', "json", "a.b: 1\na.b: x"),
        (b'"Only text"', "json", "Only text"),
        (pdf("Page one.", "Page two."), "pdf", "Page one.\n\nPage two."),
        (docx(paragraph("Hello") + paragraph("world")), "docx", "Hello\nworld"),
        (
            docx(f"<w:tbl><w:tr><w:tc>{paragraph('In a cell')}</w:tc></w:tr></w:tbl>"),
            "docx",
            "In a cell",
        ),
    ],
)
async def test_every_format_gives_its_text(
    content: bytes, format_: DocumentFormat, text: str, reader: WorkerReader
) -> None:
    assert await read(reader, content, format_) == [text]


async def test_long_text_is_cut_into_chunks_that_overlap(reader: WorkerReader) -> None:
    sentences = [f"Sentence number {number} says little." for number in range(200)]
    chunks = await read(reader, " ".join(sentences).encode(), "text", chunk_size=64)
    assert len(chunks) > 20
    assert all(sentence in " ".join(chunks) for sentence in sentences)
    assert chunks[1].split(". ")[0] in chunks[0]


async def test_text_of_many_sentences_is_read_however_long_that_takes(reader: WorkerReader) -> None:
    chunks = await read(reader, b"Why? Oh. " * 180_000, "text")
    assert len(chunks) > 1_000


async def test_scripts_are_no_text(reader: WorkerReader) -> None:
    page = b"""<p onclick="steal()">Seen</p><script>steal()</script><style>steal</style>
        <a href="javascript:steal()">link</a><img src=x onerror=steal()><!-- steal -->
        <svg onload=steal()></svg>&lt;b&gt;"""
    [text] = await read(reader, page, "html")
    assert "steal" not in text
    assert text.split() == ["Seen", "link", "<b>"]


@pytest.mark.parametrize(
    ("content", "format_", "reason"),
    [
        (b"", "text", "no text in it"),
        (b" \n\t", "markdown", "no text in it"),
        (b"d\xe9j\xe0 vu", "text", "not text in UTF-8"),
        (b"\xff\xfe\x00", "text", "not text in UTF-8"),
        (b"a\x00b", "text", "NUL"),
        (b"GIF89a\x00\x01", "text", "NUL"),
        (b"<script>only()</script>", "html", "no text in it"),
        (b'{"a": ', "json", "not valid JSON"),
        (b"[" * 200_000, "json", "not valid JSON"),
        (b"{}", "json", "no text in it"),
        (b"", "pdf", "not a PDF"),
        (docx(paragraph("x")), "pdf", "not a PDF"),
        (b"%PDF-1.7\nand then nothing", "pdf", "damaged|no text"),
        (pdf("Cut off in the middle")[:200], "pdf", "damaged|no text"),
        (pdf("A page"), "docx", "not a Word document"),
        (b"PK\x03\x04 broken", "docx", "not a Word document"),
        (docx_of(b"<not-xml"), "docx", "damaged"),
        (docx_of(b"\x00" * 150_000_000), "docx", "unpacks to more than 100 MB"),
    ],
)
async def test_file_that_cannot_be_read_is_refused_with_the_reason(
    content: bytes, format_: DocumentFormat, reason: str, reader: WorkerReader
) -> None:
    with pytest.raises(Unreadable, match=reason):
        await read(reader, content, format_)


async def test_zip_without_a_document_is_no_word_document(reader: WorkerReader) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("evil.exe", b"x")
    with pytest.raises(Unreadable, match="not a Word document"):
        await read(reader, file.getvalue(), "docx")


async def test_external_and_expanding_entities_are_not_resolved(reader: WorkerReader) -> None:
    billion = "".join(f'<!ENTITY a{depth} "{f"&a{depth - 1};" * 10}">' for depth in range(1, 12))
    for entities in ('<!ENTITY a11 SYSTEM "file:///etc/passwd">', f'<!ENTITY a0 "lol">{billion}'):
        body = docx(paragraph("before &a11; after"))
        hostile = zipfile.ZipFile(io.BytesIO(body)).read("word/document.xml")
        document = f"<!DOCTYPE x [{entities}]>".encode() + hostile
        with suppress(Unreadable):
            text = "".join(await read(reader, docx_of(document), "docx"))
            assert "root:" not in text
            assert len(text) < 100


async def test_ten_thousand_pages_are_read_while_the_loop_goes_on(reader: WorkerReader) -> None:
    pages = (f"Page {number} of the report." for number in range(10_000))
    file = pdf(*pages)
    reading = asyncio.create_task(read(reader, file, "pdf"))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.01)
        turns += 1
    chunks = await reading
    assert "Page 0 of the report." in chunks[0]
    assert "Page 9999 of the report." in chunks[-1]
    assert turns > 20


async def test_file_that_takes_too_much_memory_ends_its_worker_and_nothing_else() -> None:
    reader = WorkerReader(timeout_seconds=100, max_bytes=400 * MIB)
    hungry: dict[DocumentFormat, bytes] = {
        "json": b"[" + b"1," * 30_000_000 + b"1]",
        "docx": docx("<w:p/>" * 15_000_000),  # expands to a tree many times its size
    }
    for format_, content in hungry.items():
        with pytest.raises(Unreadable, match="memory"):
            await read(reader, content, format_)
        assert await read(reader, b"Still here", "text") == ["Still here"]
    await reader.aclose()


async def test_worker_that_does_not_start_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reader = WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)
    with pytest.raises(ReaderUnavailable, match="does not start"):
        await read(reader, b"Text", "text")
    assert reader.worker_pid is None


async def test_folder_that_is_named_as_a_package_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    reader = WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)
    assert await read(reader, b"Text", "text") == ["Text"]
    await reader.aclose()


async def test_file_that_takes_too_long_is_given_up_with_its_worker() -> None:
    reader = WorkerReader(timeout_seconds=0.05, max_bytes=1024 * MIB)
    with pytest.raises(Unreadable, match=r"longer than 0\.05 seconds"):
        await read(reader, b"Text", "text")
    assert reader.worker_pid is None


async def test_signals_for_the_service_end_no_reading() -> None:
    reader = WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)
    await read(reader, b"Text", "text")
    pid = reader.worker_pid
    assert pid is not None
    assert os.getpgid(pid) != os.getpgid(0)
    reading = asyncio.create_task(read(reader, pdf(*["A page."] * 2_000), "pdf"))
    await asyncio.sleep(0)
    for sent in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, sent)
    assert "A page." in (await reading)[0]
    assert reader.worker_pid == pid
    await reader.aclose()


def test_worker_that_nobody_is_left_to_kill_ends_itself() -> None:
    request = msgspec.msgpack.encode(ReadRequest(pdf(*["A page."] * 10_000), "pdf", 512, 16))
    command = [sys.executable, "-m", "service.adapters.documents.worker", str(1024 * MIB), "1"]
    run = subprocess.run(
        command, input=length_of(request) + request, capture_output=True, timeout=60, check=False
    )
    assert run.returncode == -signal.SIGALRM
    started = msgspec.msgpack.encode(ReadAnswer())
    assert run.stdout == length_of(started) + started


async def test_installation_without_the_extra_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_index.py").write_text(
        "raise ModuleNotFoundError('No module named llama_index', name='llama_index')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reader = WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)
    with pytest.raises(ReaderUnavailable, match=r"llama_index .*install ai-service\[retrieval\]"):
        await read(reader, b"Text", "text")
    await reader.aclose()


async def test_idle_worker_goes_and_the_next_file_has_a_new_one() -> None:
    reader = WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB, idle_seconds=0)
    assert await read(reader, b"Text", "text") == ["Text"]
    pid = reader.worker_pid
    assert pid is not None
    await until(_has_gone(pid), timeout_seconds=30)
    assert reader.worker_pid is None
    assert await read(reader, b"More text", "text") == ["More text"]
    await reader.aclose()


def test_worker_that_dies_while_it_is_idle_is_no_fault_of_the_next_file() -> None:
    async def run() -> None:
        async with aclosing(WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)) as reader:
            await read(reader, b"one", "text")
            pid = reader.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(_has_gone(pid), timeout_seconds=30)
            assert await read(reader, b"two", "text") == ["two"]

    uvloop.run(run())  # the service's own loop, whose pipes say in another way that they are closed


def test_worker_has_none_of_the_services_sockets() -> None:
    async def run() -> None:
        async with aclosing(WorkerReader(timeout_seconds=100, max_bytes=1024 * MIB)) as reader:
            await read(reader, b"Text", "text")
            opened = await asyncio.to_thread(os.listdir, f"/proc/{reader.worker_pid}/fd")
            assert sorted(opened) == ["0", "1", "2"]

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)  # as uvicorn's is
        uvloop.run(run())


async def test_worker_knows_nothing_of_the_services_environment(reader: WorkerReader) -> None:
    await read(reader, b"Text", "text")
    environment = await asyncio.to_thread(Path(f"/proc/{reader.worker_pid}/environ").read_text)
    names = {line.partition("=")[0] for line in environment.split("\0") if line}
    allowed = {"PATH", "PYTHONPATH", "VIRTUAL_ENV", "OPENBLAS_NUM_THREADS", "PYTHONUTF8"}
    assert "PATH" in names
    assert names <= allowed


def _has_gone(pid: int) -> Callable[[], Awaitable[bool]]:
    async def has_gone() -> bool:
        return not await asyncio.to_thread(Path(f"/proc/{pid}").exists)

    return has_gone
