"""Thirty short documents, and forty questions with the document that answers each."""

import json
from pathlib import Path

_FOLDER = Path(__file__).parent
FILES = sorted(_FOLDER.glob("*.md"))
QUESTIONS: list[tuple[str, str]] = [
    (row["question"], row["document"])
    for row in json.loads((_FOLDER / "questions.json").read_text())
]
