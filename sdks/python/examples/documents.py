"""Answers from documents, with their sources: `python documents.py "How long do refunds take?" *.md`."""

import sys
import time
from pathlib import Path

from ai_service_sdk import AIServiceSDK

COLLECTION = "handbook"
SECONDS_BETWEEN_LOOKS = 0.5


def main(question: str, paths: list[Path]) -> None:
    with AIServiceSDK() as sdk:
        sdk.put_collection(COLLECTION)
        taken = sdk.upload_documents(COLLECTION, file=paths)
        for document in taken.documents:  # a file that has not changed is ready at once
            while document.status in ("queued", "processing"):
                time.sleep(SECONDS_BETWEEN_LOOKS)
                document = sdk.get_document(COLLECTION, document.id)
            if document.error is not None:
                print(f"{document.file_name}: {document.error}")

        stream = sdk.stream_query_collection(COLLECTION, question=question)
        for chunk in stream:
            if chunk.type == "token":
                print(chunk.content, end="", flush=True)
        print()
        for node in stream.final().source_nodes:
            print(f"{node.score:.2f} {node.metadata['file_name']}: {node.text}")


if __name__ == "__main__":
    main(sys.argv[1], [Path(name) for name in sys.argv[2:]])
