"""What is generated: from our document, and from one with shapes that our API does not have yet."""

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ai_service_sdk import AIServiceSDK

from scripts.generate_python_sdk import DOCUMENT, GENERATED, files_of, generate
from tests.sdks.python.wire import DONE, TOKEN, Reply, WireServer, event, stream

FIXTURE = Path(__file__).parent / "fixture.json"
PACKAGE = "fixture_generated"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package of the fixture's document is."""
    folder = tmp_path_factory.mktemp("generated")
    generate(FIXTURE, folder / PACKAGE)
    return folder


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package of the fixture's document."""
    monkeypatch.syspath_prepend(folder)
    return importlib.import_module(f"{PACKAGE}.client")


@pytest.fixture
def sdk(package: ModuleType, wire: WireServer) -> Iterator[Any]:
    """Its SDK in front of `wire`."""
    with package.AIServiceSDK("sk-ais-x", wire.url) as ready:
        yield ready


def test_the_committed_code_is_what_comes_out_byte_for_byte(tmp_path: Path) -> None:
    generate(DOCUMENT, tmp_path / "_generated")
    assert files_of(tmp_path / "_generated") == files_of(GENERATED)


def test_every_operation_has_its_method() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    for operations in paths.values():
        for operation in operations.values():
            is_method = callable(getattr(AIServiceSDK, operation["operationId"], None))
            assert is_method is not operation.get("x-sdk-ignore", False)


def test_what_is_generated_is_typed(folder: Path) -> None:
    checked = subprocess.run(
        (sys.executable, "-m", "mypy", "--strict", "--no-incremental", "-p", PACKAGE),
        cwd=folder,
        env={"MYPYPATH": str(Path("sdks/python/src").absolute())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_files_are_uploaded_with_the_other_fields(
    sdk: Any, wire: WireServer, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"from a path")
    wire.replies = [Reply(500), Reply(202, (b'[{"id": "doc_1", "from": "x"}]',))]
    opened = io.BytesIO(b"from a stream")
    documents = sdk.upload_documents(
        "manuals",
        file=[path, b"bytes", ("a.md", opened, "text/markdown")],
        max_concurrency=5,
        metadata={"team": "é"},
    )
    assert documents[0].id == "doc_1"
    first, second = wire.received  # a file that was sent is sent again whole
    assert first == second
    body = second.body.decode()
    assert second.headers["content-type"].startswith("multipart/form-data; boundary=")
    for part in (
        'name="file"; filename="notes.txt"',
        "from a path",
        'name="file"; filename="upload"',
        'name="file"; filename="a.md"\r\nContent-Type: text/markdown',
        "from a stream",
        'name="max_concurrency"\r\n\r\n5\r\n',
        json.dumps({"team": "é"}),
    ):
        assert part in body
    assert "mode" not in body


def test_a_file_that_cannot_be_read_twice_is_sent_again_whole(sdk: Any, wire: WireServer) -> None:
    wire.replies = [Reply(503, headers={"Retry-After": "0"}), Reply(202, (b'{"id": "d"}',))]
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        sdk.upload_batch(pipe)
    first, second = wire.received
    assert first == second
    assert b"from a pipe" in second.body


def test_a_large_file_is_not_held_in_memory(wire: WireServer, tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    path.write_bytes(bytes(20_000_000))
    code = f"""
import pathlib, tracemalloc, ai_service_sdk
sdk = ai_service_sdk.AIServiceSDK("sk-ais-x", {wire.url!r})
tracemalloc.start()
sdk.upload_batch(pathlib.Path({str(path)!r}))
print(tracemalloc.get_traced_memory()[1])
"""
    environment = {"PYTHONPATH": str(Path("sdks/python/src").absolute())}
    most = subprocess.run(
        (sys.executable, "-c", code), env=environment, capture_output=True, check=True
    )
    assert len(wire.received[0].body) > 20_000_000
    assert int(most.stdout) < 5_000_000


def test_one_file_comes_first(sdk: Any, wire: WireServer) -> None:
    wire.replies = [Reply(202, (b'{"id": "doc_1", "from": "x"}',))]
    sdk.upload_batch(b'{"prompt": "a"}\n')
    assert b'{"prompt": "a"}\n' in wire.received[0].body


def test_json_lines_are_a_list_and_choices_are_told_by_their_shape(
    sdk: Any, wire: WireServer
) -> None:
    lines = (
        b'{"index": 0, "outcome": {"text": "a"}, "at": ["2026-01-01T00:00:00Z"]}\n',
        b'{"index": 1, "outcome": {"reason": "b"}}\n\n{"index": 2, "outcome": {"new": 1}}\n',
    )
    wire.replies = [Reply(pieces=lines, headers={"Content-Type": "application/jsonl"})]
    results = sdk.get_results(
        "b1", from_=datetime(2026, 1, 1, tzinfo=UTC), is_final=True, tag=["x", "y z"]
    )
    assert [type(result.outcome).__name__ for result in results] == ["Answer", "Failure", "Model"]
    assert results[0].at == [datetime(2026, 1, 1, tzinfo=UTC)]
    assert results[2].outcome["new"] == 1
    target = (
        "/batches/b1/results?from=2026-01-01T00%3A00%3A00%2B00%3A00&is_final=true&tag=x&tag=y+z"
    )
    assert wire.received[0].target == target


def test_json_lines_in_pages_are_read_line_by_line(sdk: Any, wire: WireServer) -> None:
    line = b'{"index": %d, "outcome": {"text": "a"}}\n'
    wire.replies = [
        Reply(pieces=(line % 4, line % 7), headers={"X-Next-Behind": "7"}),
        Reply(pieces=(line % 9,)),
        Reply(pieces=()),
    ]
    assert [each.index for each in sdk.get_lines("b", behind=3)] == [4, 7, 9]
    targets = [request.target for request in wire.received]
    assert targets == [
        "/batches/b/lines?behind=3&limit=1000",
        "/batches/b/lines?behind=7&limit=1000",
    ]
    (page,) = sdk.get_lines("b", limit=5).pages()
    assert (page.data, page.next_cursor) == ([], None)
    assert wire.received[-1].target == "/batches/b/lines?limit=5"


def test_what_is_not_for_sdks_is_no_method(sdk: Any) -> None:
    assert not hasattr(sdk, "take_hook")


def test_names_that_python_cannot_have_are_mended(sdk: Any, wire: WireServer) -> None:
    wire.replies = [Reply(202, (b'{"id": "d", "from": "x"}',))]
    document = sdk.upload_batch(b"")
    assert document.from_ == document["from"] == "x"
    assert document.x_note is None


def test_a_stream_of_another_kind_needs_nothing_by_hand(sdk: Any, wire: WireServer) -> None:
    sources = {"type": "sources", "source_nodes": [{"id": "d", "from": "x"}]}
    wire.replies = [stream(event(sources), event(TOKEN), event(DONE))]
    reading = sdk.stream_query("manuals", question="Why?")
    first, *_ = reading
    assert first.source_nodes[0].from_ == "x"
    whole = reading.final()
    assert whole.text == "Hello"
    assert whole.source_nodes == first.source_nodes
    assert wire.received[0].json == {"question": "Why?"}


def test_objects_within_objects_are_read_to_the_ground(sdk: Any, wire: WireServer) -> None:
    wire.replies = [
        Reply(
            pieces=(b'{"name": "a", "children": [{"name": "b"}], "by_name": {"c": {"name": "c"}}}',)
        )
    ]
    tree = sdk.put_tree([{"name": "a"}])
    assert (tree.children[0].name, tree.by_name["c"].name) == ("b", "c")
    assert wire.received[0].json == [{"name": "a"}]
    sdk.put_tree([tree])
    assert wire.received[1].json == [tree.to_dict()]


def test_bytes_are_bytes(sdk: Any, wire: WireServer) -> None:
    wire.replies = [Reply(pieces=(b"\x00\xff",))]
    assert sdk.get_picture() == b"\x00\xff"


def test_the_version_is_the_document_s(package: ModuleType) -> None:
    assert importlib.import_module(PACKAGE).__version__ == "9.8.7"
