"""The examples of prompts that the OpenAPI document shows."""

from typing import Any

PUT_PROMPT_BODIES: dict[str, Any] = {
    "full": {
        "summary": "With a system text, typed variables and defaults",
        "value": {
            "template": "Summarize this in {sentences} sentences:\n\n{text}",
            "system": "You write {tone} summaries.",
            "defaults": {"model": "sonnet", "max_tokens": 300, "temperature": 0.2},
            "variables": {
                "text": {"description": "What to summarize"},
                "sentences": {"type": "integer", "default": 3},
                "tone": {"default": "sober"},
            },
        },
    },
    "short": {
        "summary": "A template",
        "value": {"template": "You are a helpful assistant.\n\n{input}"},
    },
}
PUT_LABEL_BODIES: dict[str, Any] = {
    "first": {"summary": "Release the first version", "value": {"version": 1}},
    "next": {"summary": "Release the next; version 1 again takes it back", "value": {"version": 2}},
}
_VARIABLES = {"text": "It was a dark and stormy night.", "sentences": 1}
RENDER_BODIES: dict[str, Any] = {
    "latest": {"summary": "The latest version", "value": {"variables": _VARIABLES}},
    "labelled": {
        "summary": "The one that has a label",
        "value": {"variables": _VARIABLES, "label": "production"},
    },
}
GENERATE_BODIES: dict[str, Any] = RENDER_BODIES | {
    "pinned": {
        "summary": "A certain version, with another model",
        "value": {"variables": _VARIABLES, "version": 2, "model": "haiku"},
    },
}
CHAT_BODIES: dict[str, Any] = RENDER_BODIES | {
    "continued": {
        "summary": "With what was said since",
        "value": {
            "variables": _VARIABLES,
            "messages": [
                {"role": "assistant", "content": "A storm rages in the night."},
                {"role": "user", "content": "More drama, please."},
            ],
        },
    },
}

PROMPT: dict[str, Any] = {
    "name": "summary",
    "version": 3,
    "template": "Summarize this in {sentences} sentences:\n\n{text}",
    "system": "You write sober summaries.",
    "defaults": {"model": "sonnet", "max_tokens": 300, "temperature": 0.2},
    "variables": {
        "text": {"type": "string", "default": None, "description": "What to summarize"},
        "sentences": {"type": "integer", "default": 3, "description": None},
    },
    "labels": {"production": 2, "staging": 3},
    "key_id": "key_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "created_at": "2026-11-23T10:00:00Z",
}
PROMPT_LIST = {"data": [PROMPT], "next_cursor": None}
RENDERED_PROMPT: dict[str, Any] = {
    "name": "summary",
    "version": 3,
    "messages": [
        {"role": "system", "content": "You write sober summaries."},
        {
            "role": "user",
            "content": "Summarize this in 1 sentences:\n\nIt was a dark and stormy night.",
        },
    ],
}
