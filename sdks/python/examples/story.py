"""Stream a story, and stop it after some words: `python story.py "a lighthouse" 50`."""

import sys

from ai_service_sdk import AIServiceSDK


def main(subject: str, most_words: int) -> None:
    words = 0
    with AIServiceSDK() as sdk:
        for chunk in sdk.stream_generate(f"Write a short story about {subject}."):
            if chunk.type == "token":
                print(chunk.content, end="", flush=True)
                words += len(chunk.content.split())
                if words >= most_words:
                    break  # the model stops here, and so does the bill
    print()


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "a lighthouse",
        int(sys.argv[2]) if len(sys.argv) > 2 else 50,
    )
