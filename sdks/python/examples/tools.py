"""Let a model call a function of yours: `python tools.py "What is the weather in Paris?"`."""

import json
import sys

from ai_service_sdk import AIServiceSDK, Model
from ai_service_sdk.types import ChatMessageParam, ToolDefinitionParam

WEATHER: ToolDefinitionParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def weather(city: str) -> str:
    return f"It is sunny in {city}."


def main(question: str) -> None:
    messages: list[ChatMessageParam | Model] = [{"role": "user", "content": question}]
    with AIServiceSDK() as sdk:
        while True:
            answer = sdk.chat(messages, tools=[WEATHER])
            messages.append(answer.message)
            if not answer.message.tool_calls:
                break
            for call in answer.message.tool_calls:
                result = weather(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    print(answer.message.content)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "What is the weather in Paris?")
