"""What the README and the examples show is what happens."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Reply, Simulator, ToolCall, Words

SDK = Path("sdks/python")
# What comes after is run by the tests of the integrations.
README = (SDK / "README.md").read_text().partition("## LangChain and LlamaIndex")[0]
BLOCKS = re.findall(
    r"^## (.*?)\n|^```python\n(.*?)^```", f"## Start\n{README}", re.MULTILINE | re.DOTALL
)


def snippets() -> dict[str, str]:
    """The Python blocks of the README, by the heading they are under."""
    found, heading = {}, ""
    for title, code in BLOCKS:
        heading = title or heading
        if code:
            found[heading] = code
    return found


@pytest.fixture
def environment(service: RunningService) -> dict[str, str]:
    """What an example finds, and no more."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str((SDK / "src").absolute()),
        "AI_SERVICE_API_KEY": ADMIN_KEY,
        "AI_SERVICE_BASE_URL": service.url,
    }


def run(*arguments: str | Path, environment: dict[str, str]) -> str:
    """What Python prints; what failed is in the assertion."""
    command = (sys.executable, "-W", "error", *arguments)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("Start", "Echo: Explain quantum computing.\n"),
        ("Calls", "Echo: Name a colour. Echo: Name a colour. "),
        ("Streams", "Echo: Write a story.Echo: Write a story. "),
        ("Conversations", "Echo: My name is Ada.\nEcho: What is my name?\n"),
        ("Prompt templates", "Echo: Greet Ada.\nEcho: Greet Bob.\n"),
        ("Documents", "['refunds.md']\n"),
        ("Batches", "0 Echo: Name a colour.\n1 Echo: Name a city.\n"),
        ("asyncio", "['Echo: Say 0.', 'Echo: Say 1.', 'Echo: Say 2.']\nEcho: Write a story."),
        ("Errors", "max_tokens "),
        ("Retries and idempotency", ""),
        ("Pages", "admin active"),
        ("Tokens for browsers", "sk-ais-"),
        ("Everything else", "200 "),
    ],
)
def test_the_readme_s_code_does_what_it_says(
    heading: str, said: str, environment: dict[str, str]
) -> None:
    assert said in run("-c", snippets()[heading], environment=environment)


def test_every_block_of_the_readme_is_tried() -> None:
    (tried,) = test_the_readme_s_code_does_what_it_says.pytestmark  # type: ignore[attr-defined]
    assert [heading for heading, _ in tried.args[1]] == list(snippets())


def test_the_story_stops_where_it_is_told_to(
    environment: dict[str, str], simulator: Simulator
) -> None:
    simulator.script(Words(1000), on="anthropic")
    story = run(SDK / "examples/story.py", "rain", "5", environment=environment)
    assert story.split() == ["w0", "w1", "w2", "w3", "w4"]


def test_tools_are_called_until_there_is_an_answer(
    environment: dict[str, str], simulator: Simulator
) -> None:
    simulator.script(
        Reply(tool_calls=(ToolCall("weather", '{"city": "Paris"}'),)),
        Reply(text="Take no umbrella."),
        on="anthropic",
    )
    said = run(SDK / "examples/tools.py", environment=environment)
    assert said == "Take no umbrella.\n"
    assert "It is sunny in Paris." in str(simulator.calls[-1].body)


def test_many_prompts_are_answered_and_summed_up(environment: dict[str, str]) -> None:
    said = run(SDK / "examples/many.py", "a", "b", "c", environment=environment)
    assert "b: Echo: b" in said
    assert re.search(r"3 prompts for 0\.0000\d\d USD", said)


def test_a_conversation_is_remembered_by_the_service(
    environment: dict[str, str], simulator: Simulator
) -> None:
    said = run(SDK / "examples/memory.py", "I am Ada.", "Who am I?", environment=environment)
    assert said.startswith("Echo: I am Ada.\nEcho: Who am I?\n")
    assert re.search(r"\d+ tokens, 0\.\d+ USD\n$", said)
    assert "I am Ada." in str(simulator.calls[-1].body)


def test_a_batch_is_run_from_its_file_to_its_results(
    environment: dict[str, str], tmp_path: Path
) -> None:
    requests = tmp_path / "requests.jsonl"
    lines = [json.dumps({"custom_id": city, "prompt": f"Tell of {city}."}) for city in "ABC"]
    requests.write_text("\n".join(lines))
    said = run(SDK / "examples/batch.py", requests, environment=environment)
    assert said.startswith("A: Echo: Tell of A.\nB: Echo: Tell of B.\nC: Echo: Tell of C.\n")
    assert "completed: 3 answered for 0." in said


def test_a_prompt_is_rendered_and_used_by_its_label(environment: dict[str, str]) -> None:
    said = run(SDK / "examples/prompts.py", "Long text.", environment=environment)
    rendered = "Summarize this in 2 sentences: Long text."
    assert said.startswith(f"{rendered}\nEcho: {rendered}\n")
    assert re.search(r"summary@1: \d+ tokens written, 0\.0000\d\d USD\n", said)


def test_documents_answer_with_their_sources(
    environment: dict[str, str], tmp_path: Path, simulator: Simulator
) -> None:
    files = {"refunds.md": "Refunds take thirty days.", "wheels.md": "Bicycles have two wheels."}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    simulator.script(Reply(text="Thirty days."), on="anthropic")
    paths = [tmp_path / name for name in files]
    question = "How long do refunds take?"
    said = run(SDK / "examples/documents.py", question, *paths, environment=environment)
    answer, best, *_ = said.splitlines()
    assert answer == "Thirty days."
    assert best.endswith("refunds.md: Refunds take thirty days.")
