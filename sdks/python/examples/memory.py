"""A conversation that the service remembers: `python memory.py "My name is Ada." "What is my name?"`."""

import sys

from ai_service_sdk import AIServiceSDK


def main(turns: list[str]) -> None:
    with AIServiceSDK() as sdk:
        conversation = sdk.create_conversation(system="You are a helpful assistant.")
        for turn in turns:
            stream = sdk.stream_chat(
                [{"role": "user", "content": turn}], conversation_id=conversation.id
            )
            for chunk in stream:
                if chunk.type == "token":
                    print(chunk.content, end="", flush=True)
            print()
        conversation = sdk.get_conversation(conversation.id)
        print(f"{conversation.usage.total_tokens} tokens, {conversation.cost_usd:.6f} USD")


if __name__ == "__main__":
    main(sys.argv[1:] or ["My name is Ada.", "What is my name?"])
