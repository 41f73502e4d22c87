"""The examples of generate and chat that the OpenAPI document shows."""

from typing import Any

GENERATE_BODIES: dict[str, Any] = {
    "short": {
        "summary": "A prompt",
        "value": {"prompt": "Explain quantum computing in one sentence.", "model": "haiku"},
    },
    "full": {
        "summary": "With options",
        "value": {
            "prompt": "Write a haiku about rain.",
            "model": "sonnet",
            "system": "You are a poet.",
            "max_tokens": 100,
            "stop": ["\n\n"],
            "metadata": {"feature": "poems"},
        },
    },
}
CHAT_BODIES: dict[str, Any] = {
    "short": {
        "summary": "A conversation",
        "value": {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi there!"},
                {"role": "user", "content": "How are you?"},
            ]
        },
    },
    "memory": {
        "summary": "The next turn of a kept conversation",
        "value": {
            "messages": [{"role": "user", "content": "What is my name?"}],
            "conversation_id": "conv_0193a1b2c3d4e5f60718293a4b5c6d7e",
        },
    },
    "tools": {
        "summary": "With a tool",
        "value": {
            "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "get_weather",
                        "description": "The weather of a city",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        },
                    },
                }
            ],
        },
    },
}

_ABOUT: dict[str, Any] = {
    "id": "req_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "model": "haiku",
    "provider": "anthropic",
    "provider_model": "claude-haiku-5-5",
    "finish_reason": "stop",
    "usage": {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15, "cached_input_tokens": 0},
    "cost_usd": 0.000027,
    "cache_hit": False,
}
GENERATE_ANSWER = _ABOUT | {"text": "Hello there!"}
CHAT_ANSWER = _ABOUT | {"message": {"role": "assistant", "content": "I am well, thank you."}}
EVENTS: dict[str, Any] = {
    "token": {"summary": "A piece of text", "value": {"type": "token", "content": "Hello"}},
    "done": {"summary": "The end of a whole answer", "value": {"type": "done"} | _ABOUT},
    "error": {
        "summary": "The end of a stream that failed",
        "value": {
            "type": "error",
            "error": {
                "type": "provider_error",
                "message": "The provider fell silent in mid-stream",
                "request_id": "0193a1b2c3d4e5f60718293a4b5c6d7e",
            },
        },
    },
}
CHAT_EVENTS = EVENTS | {
    "tool_call": {
        "summary": "A piece of a tool call",
        "value": {
            "type": "tool_call",
            "index": 0,
            "id": "call_1",
            "name": "get_weather",
            "arguments": '{"city": ',
        },
    }
}
