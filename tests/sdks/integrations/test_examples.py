"""The examples, run as their users run them: in a process of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Reply, Simulator, Usage

SDK = Path(__file__).parents[3] / "sdks/python"
SECTION = (SDK / "README.md").read_text().partition("## LangChain and LlamaIndex")[2]
BLOCKS = re.findall(r"^```python\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


def _run(example: str, *arguments: str, service: RunningService, folder: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", SDK / "examples" / example, *arguments],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHONPATH": str(SDK / "src"),
            "AI_SERVICE_API_KEY": ADMIN_KEY,
            "AI_SERVICE_BASE_URL": service.url,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_conversation_remembers_and_sums_what_it_cost(
    shared_service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(
        Reply(text="It learns from examples.", usage=Usage(100, 20)),
        Reply(text="Spam filters.", usage=Usage(200, 40)),
        on="anthropic",
    )
    said = _run(
        "langchain_chat.py",
        "What is machine learning?",
        "An example?",
        service=shared_service,
        folder=tmp_path,
    )
    assert "> What is machine learning?\nIt learns from examples.\n" in said
    assert "> An example?\nSpam filters.\n" in said
    first, second = re.findall(r"\((\d+) tokens, \$([\d.]+) so far\)", said)
    assert (first[0], second[0]) == ("120", "360")
    assert float(second[1]) > float(first[1]) > 0
    again = simulator.calls[-1].body
    assert "You are a helpful assistant. Answer in English." in str(again["system"])
    assert [message["role"] for message in again["messages"]] == ["user", "assistant", "user"]


def test_a_folder_of_documents_is_asked(
    shared_service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    base = tmp_path / "knowledge_base"
    base.mkdir()
    (base / "refunds.txt").write_text("Our refund policy: money comes back in thirty days.")
    (base / "parcels.md").write_text("Parcels leave the warehouse in Ghent every evening.")
    (base / "lions.txt").write_text("Lions sleep twenty hours a day." + " Zzz." * 100)
    simulator.script(Reply(text="Thirty days."), on="anthropic")
    said = _run(
        "llama_index_rag.py",
        str(base),
        "What is our refund policy?",
        service=shared_service,
        folder=tmp_path,
    )
    answer, *sources = said.strip().split("\n\n[")
    assert answer == "Thirty days."
    assert len(sources) == 3
    assert "money comes back in thirty days" in sources[0]
    assert max(len(source) for source in sources) < 220


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (0, "Echo: Explain quantum computing.\n"),
        (1, "name='Paris' country='Paris'\n[{'name': 'get_weather', 'args': {'city': 'Paris'}"),
        (2, "2 1536\n"),
        (3, "thirty days"),
    ],
)
def test_what_the_readme_shows_runs(
    block: int, said: str, shared_service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    example = tmp_path / "example.py"
    example.write_text(BLOCKS[block])
    assert said in _run(str(example), service=shared_service, folder=tmp_path)


def test_every_block_of_the_readme_is_tried() -> None:
    assert len(BLOCKS) == 4
