"""`ai-service ingest` and `ask`, beside a service."""

import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from fastapi import FastAPI, Response

from tests.e2e.collections import ingested
from tests.e2e.commands import run_command
from tests.knowledge_base import FILES
from tests.running import ADMIN_KEY, RunningService, make_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that can be read, in folders, and one that is none of them."""
    folder = tmp_path / "knowledge"
    (folder / "shop").mkdir(parents=True)
    for file in FILES:
        if file.stem in ("refunds", "shipping", "chess"):
            (folder / "shop" / file.name).write_bytes(file.read_bytes())
    (folder / "image.png").write_bytes(b"no document")
    return folder


async def test_folder_is_ingested_once_and_answers_questions(folder: Path, tmp_path: Path) -> None:
    with RunningService(make_settings(tmp_path / "data")) as service:

        def run(*arguments: str) -> "CompletedProcess[str]":
            return run_command(
                tmp_path, *arguments, AI_SERVICE_BASE_URL=service.url, AI_SERVICE_API_KEY=ADMIN_KEY
            )

        first = run("ingest", str(folder), "--collection", "kb")
        assert first.returncode == 0, first.stderr
        async with service.client() as client:
            path = "/api/v1/collections/kb"
            before = await ingested(client, path)
            names = {each["file_name"] for each in before.values()}
            assert names == {"shop/refunds.md", "shop/shipping.md", "shop/chess.md"}
            (folder / "shop" / "chess.md").write_text("Chess is played on sixty-four squares.")
            (folder / "lie.pdf").write_bytes(b"This is not a PDF")
            again = run("ingest", str(folder), "--collection", "kb")
            assert again.returncode == 1
            assert "lie.pdf: It is not a PDF" in again.stderr
            after = {each["file_name"]: each for each in (await ingested(client, path)).values()}
        for document in before.values():
            is_as_before = after[document["file_name"]] == document
            assert is_as_before == (document["file_name"] != "shop/chess.md")
        answer = run("ask", "What is our refund policy?", "--collection", "kb", "--top-k", "1")
        assert answer.returncode == 0, answer.stderr
        assert "sandbox answer" in answer.stdout
        assert answer.stdout.splitlines()[-1].startswith("- shop/refunds.md (0.")
        unknown = run("ask", "Anything?", "--collection", "none")
        assert unknown.returncode == 1
        assert unknown.stderr == "The service says: There is no such collection\n"


def test_files_with_odd_names_are_ingested_or_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "a good one.txt").write_text("Good.")
    (folder / 'a "quoted" one.json').write_text("{")
    Path(os.fsdecode(bytes(folder) + b"/latin-\xe9.txt")).write_text("x")
    with RunningService(make_settings(tmp_path / "data")) as service:

        def run(*arguments: str) -> "CompletedProcess[str]":
            return run_command(
                tmp_path, *arguments, AI_SERVICE_BASE_URL=service.url, AI_SERVICE_API_KEY=ADMIN_KEY
            )

        told = run("ingest", str(folder), "--collection", "kb")
        assert told.returncode == 1
        assert 'a "quoted" one.json: It is not valid JSON\n' in told.stderr
        assert "latin-\\udce9.txt: Its name is not text in UTF-8\n" in told.stderr
        asked = run("ask", os.fsdecode(b"\xe9"), "--collection", "kb")
        assert asked.returncode == 1
        assert asked.stderr.startswith("This is not text in UTF-8: ")
        assert len(asked.stderr.splitlines()) == 1


def test_answer_that_breaks_off_is_a_failure(tmp_path: Path) -> None:
    stand_in = FastAPI()

    @stand_in.post("/api/v1/collections/kb/query/stream")
    async def break_off() -> Response:
        return Response('data: {"type":"token","content":"Half"}\n\n')

    with RunningService(make_settings(tmp_path), stand_in) as service:
        arguments = ("ask", "What?", "--collection", "kb", "--url", service.url, "--api-key", "x")
        told = run_command(tmp_path, *arguments)
    assert (told.returncode, told.stdout) == (1, "Half\n")
    assert told.stderr == "The answer has broken off\n"


def test_folder_without_documents_is_told(tmp_path: Path) -> None:
    run = run_command(tmp_path, "ingest", str(tmp_path), "--collection", "kb", "--api-key", "x")
    assert run.returncode == 1
    assert "nothing to ingest" in run.stderr
