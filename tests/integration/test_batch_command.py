"""`ai-service batch` against a service that answers as a test says."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from typer.testing import CliRunner, Result

from service.cli import app as command
from tests.running import RunningService, make_settings

KEY = "sk-ais-a-key"
BATCH: dict[str, Any] = {
    "id": "batch_1",
    "status": "queued",
    "reason": None,
    "counts": {"total": 3, "completed": 0, "failed": 0, "cancelled": 0},
    "cost_usd": 0.0,
}
DONE = BATCH | {
    "status": "completed",
    "counts": {"total": 3, "completed": 2, "failed": 1, "cancelled": 0},
    "cost_usd": 0.00125,
}
GONE = {"error": {"type": "not_found", "message": "There is no such batch", "request_id": "r"}}
Answer = tuple[int, Any]


class StandIn:
    """Answers each `GET /batches/{id}` with the next of `answers`, and keeps what was uploaded."""

    def __init__(self, data_dir: Path) -> None:
        self.answers: list[Answer] = []
        self.upload_answer: Answer = (202, BATCH)
        self.form: dict[str, str] = {}
        self.lines: list[bytes] = []
        self.keys: list[str | None] = []
        self.results = [f'{{"index":{index},"text":"é\u2028"}}\n' for index in range(2_500)]
        self.breaks = False
        self.cancelled: list[str] = []
        self.shown: bytes | None = None
        self._data_dir = data_dir

    def service(self) -> RunningService:
        """It, over a socket."""
        app = FastAPI()
        routes = (
            ("POST", "/batches/upload", self._upload),
            ("GET", "/batches/{batch_id}", self._show),
            ("GET", "/batches/{batch_id}/results", self._results),
            ("POST", "/batches/{batch_id}/cancel", self._cancel),
        )
        for method, path, endpoint in routes:
            app.add_api_route(f"/api/v1{path}", endpoint, methods=[method], response_model=None)
        return RunningService(make_settings(self._data_dir), app)

    async def _upload(self, request: Request) -> Response:
        self.keys.append(request.headers.get("x-api-key"))
        async with request.form() as form:
            self.form = {name: str(value) for name, value in form.items() if name != "file"}
            file = form["file"]
            assert not isinstance(file, str)
            self.lines = (await file.read()).splitlines()
        return _json(*self.upload_answer)

    async def _show(self, batch_id: str) -> Response:
        if self.shown is not None:
            return Response(self.shown)
        return _json(*self.answers.pop(0))

    async def _results(self, batch_id: str) -> Response:
        if batch_id != BATCH["id"]:
            return _json(404, GONE)

        async def lines() -> AsyncIterator[str]:
            for line in self.results:
                yield line
            if self.breaks:
                raise ConnectionError("as a test wants it")

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def _cancel(self, batch_id: str) -> Response:
        self.cancelled.append(batch_id)
        return _json(200, BATCH | {"status": "cancelled"})


def _json(status: int, content: Any) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")


class Console:
    """The command, with the service's address and a key."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, *arguments: str, key: str = KEY) -> Result:
        """What `ai-service batch` does."""
        return CliRunner().invoke(
            command, ["batch", *arguments, "--url", self.url], env={"AI_SERVICE_API_KEY": key}
        )


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


@pytest.fixture
def console(stand_in: StandIn) -> Iterator[Console]:
    with stand_in.service() as service:
        yield Console(service.url)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Requests: one without a model, one with its own, and one that is no JSON."""
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b'{"prompt":"\xc3\xa9"}\n{"prompt":"b","model":"gpt"}\n{"prompt":\n[]')
    return path


def test_a_file_is_uploaded_as_it_is_and_the_id_is_printed_alone(
    stand_in: StandIn, console: Console, file: Path
) -> None:
    done = console.run("submit", str(file))
    assert (done.exit_code, done.stdout) == (0, "batch_1\n"), done.output
    assert stand_in.lines == file.read_bytes().splitlines()
    assert stand_in.form == {}
    assert stand_in.keys == [KEY]


def test_options_are_sent_and_lines_without_a_model_get_one(
    stand_in: StandIn, console: Console, file: Path
) -> None:
    options = "--max-concurrency 3 --requests-per-second 2.5 --mode provider --model haiku"
    assert console.run("submit", str(file), *options.split()).exit_code == 0
    assert stand_in.form == {
        "max_concurrency": "3",
        "requests_per_second": "2.5",
        "mode": "provider",
    }
    first, *others = stand_in.lines
    assert json.loads(first) == {"prompt": "é", "model": "haiku"}
    assert others == file.read_bytes().splitlines()[1:]


def test_watching_goes_on_until_the_batch_has_ended_whatever_happens_to_the_service(
    stand_in: StandIn, console: Console, file: Path
) -> None:
    paused = BATCH | {"status": "paused", "reason": "budget_exceeded"}
    stand_in.answers = [
        (200, paused),
        (503, {"error": {"message": "Away"}}),
        (502, "?"),
        (200, DONE),
    ]
    done = console.run("submit", str(file), "--watch")
    assert (done.exit_code, done.stdout) == (0, "batch_1\n"), done.output
    assert stand_in.answers == []
    assert done.stderr.endswith(
        "batch_1 completed\n2 completed, 1 failed, 0 cancelled of 3 requests; 0.001250 USD\n"
    )


@pytest.mark.parametrize("end", ["failed", "cancelled", "expired"])
def test_watching_a_batch_that_does_not_complete_is_a_failure_with_its_reason(
    end: str, stand_in: StandIn, console: Console, file: Path
) -> None:
    stand_in.answers = [(200, BATCH | {"status": end, "reason": "The key is revoked"})]
    done = console.run("submit", str(file), "--watch")
    assert done.exit_code == 1
    assert f"batch_1 {end}: The key is revoked\n" in done.stderr


def test_watching_ends_where_the_service_refuses_for_good(
    stand_in: StandIn, console: Console, file: Path
) -> None:
    stand_in.answers = [(200, BATCH), (404, GONE)]
    done = console.run("submit", str(file), "--watch")
    assert done.exit_code == 1
    assert done.stderr.endswith("The service says: There is no such batch\n")


def test_a_refusal_is_one_line_that_names_the_field(
    stand_in: StandIn, console: Console, file: Path
) -> None:
    error = {"type": "validation_error", "message": "Line 3 is not JSON", "field": "file"}
    stand_in.upload_answer = (400, {"error": error})
    done = console.run("submit", str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "The service says: file: Line 3 is not JSON\n"


@pytest.mark.parametrize("body", ["<html>", [], {"error": "x"}, {"detail": 1}])
def test_an_answer_that_is_not_the_services_is_told_by_its_status(
    body: Any, stand_in: StandIn, console: Console
) -> None:
    stand_in.answers = [(502, body)]
    done = console.run("status", "batch_1")
    assert (done.exit_code, done.stderr) == (1, "The service says: HTTP 502 Bad Gateway\n")


def test_status_tells_how_far_it_is_and_what_it_has_cost(
    stand_in: StandIn, console: Console
) -> None:
    stand_in.answers = [(200, DONE | {"status": "paused", "reason": "budget_exceeded"})]
    done = console.run("status", "batch_1")
    assert done.stdout.splitlines() == [
        "batch_1 paused: budget_exceeded",
        "2 completed, 1 failed, 0 cancelled of 3 requests; 0.001250 USD",
    ]


def test_address_and_key_may_be_in_the_environment_as_the_sdks_have_them(
    stand_in: StandIn, console: Console
) -> None:
    stand_in.answers = [(200, DONE)]
    variables = {"AI_SERVICE_BASE_URL": f"{console.url}/", "AI_SERVICE_API_KEY": KEY}
    done = CliRunner().invoke(command, ["batch", "status", "batch_1"], env=variables)
    assert done.stdout.startswith("batch_1 completed\n"), done.output


def test_cancel_says_what_became_of_it(stand_in: StandIn, console: Console) -> None:
    done = console.run("cancel", "batch_1")
    assert done.stdout.startswith("batch_1 cancelled\n")
    assert stand_in.cancelled == ["batch_1"]


@pytest.mark.parametrize("count", [2_500, 0])
def test_results_are_written_as_they_come(
    count: int, stand_in: StandIn, console: Console, tmp_path: Path
) -> None:
    del stand_in.results[count:]
    expected = "".join(stand_in.results).encode()
    assert console.run("results", "batch_1").stdout_bytes == expected
    output = tmp_path / "results.jsonl"
    done = console.run("results", "batch_1", "--output", str(output))
    assert (done.stdout, output.read_bytes()) == ("", expected)


def test_results_that_break_off_are_a_failure(stand_in: StandIn, console: Console) -> None:
    stand_in.breaks = True
    done = console.run("results", "batch_1")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1


def test_results_of_a_batch_that_is_not_there_leave_the_file_alone(
    console: Console, tmp_path: Path
) -> None:
    output = tmp_path / "results.jsonl"
    output.write_text("of yesterday")
    done = console.run("results", "batch_2", "--output", str(output))
    assert (done.exit_code, done.stderr) == (1, "The service says: There is no such batch\n")
    assert output.read_text() == "of yesterday"


def test_results_that_cannot_be_written_are_told_in_a_line(
    tmp_path: Path, console: Console
) -> None:
    told = console.run("results", "batch_1", "--output", str(tmp_path / "nowhere" / "results"))
    assert told.exit_code == 2
    assert "No such file or directory" in told.stderr
    assert "Traceback" not in told.output


@pytest.mark.parametrize("command", ["status", "results", "cancel"])
def test_an_id_is_never_another_path(command: str, console: Console) -> None:
    told = console.run(command, "../../../openapi.json?x=#")
    assert (told.exit_code, told.stderr) == (1, "The service says: HTTP 404 Not Found\n")


def test_what_is_not_the_service_is_told_as_such(stand_in: StandIn, console: Console) -> None:
    stand_in.shown = b"<html>"
    told = console.run("status", "batch_1")
    assert told.exit_code == 1
    assert told.stderr == f"What answers at {console.url} is not the service\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:1", "http://["])
def test_a_service_that_cannot_be_reached_is_one_line(url: str) -> None:
    done = Console(url).run("status", "batch_1")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"The service at {url} cannot be reached: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_key_is_needed_and_must_be_one(console: Console) -> None:
    for key, reason in (("", "--api-key"), ("schlüssel", "ASCII")):
        done = console.run("status", "batch_1", key=key)
        assert done.exit_code == 2
        assert reason in done.stderr
