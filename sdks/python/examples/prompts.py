"""A prompt template that is tried and then put to use: `python prompts.py "Some long text …"`."""

import sys

from ai_service_sdk import AIServiceSDK


def main(text: str) -> None:
    with AIServiceSDK() as sdk:
        version = sdk.put_prompt(  # what has not changed makes no new version
            "summary",
            template="Summarize this in {sentences} sentences: {text}",
            defaults={"model": "haiku", "max_tokens": 300},
            variables={"text": {}, "sentences": {"type": "integer", "default": 2}},
        ).version
        rendered = sdk.render_prompt("summary", variables={"text": text}, version=version)
        print(rendered.messages[-1].content)

        sdk.put_prompt_label("summary", "production", version=version)
        answer = sdk.generate_with_prompt("summary", variables={"text": text}, label="production")
        print(answer.text)

        for row in sdk.get_usage(group_by="prompt").data:
            if row.group:
                print(f"{row.group}: {row.output_tokens} tokens written, {row.cost_usd:.6f} USD")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "Money is returned within thirty days.")
