"""A durable batch, from a file of prompts to its results: `python batch.py requests.jsonl`."""

import sys
import time
from pathlib import Path

from ai_service_sdk import AIServiceSDK
from ai_service_sdk.types import GenerateResponse

SECONDS_BETWEEN_LOOKS = 1.0
ENDS = ("completed", "failed", "cancelled", "expired")


def main(path: Path) -> None:
    with AIServiceSDK() as sdk:
        batch = sdk.upload_batch(path)  # it goes on without this program: keep `batch.id`
        while batch.status not in ENDS:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            batch = sdk.get_batch(batch.id)
        for line in sdk.get_batch_results(batch.id):  # page by page, in the order of the file
            if line.error is not None:
                print(f"{line.custom_id}: {line.error.message}")
            elif isinstance(line.response, GenerateResponse):
                print(f"{line.custom_id}: {line.response.text}")
        print(f"{batch.status}: {batch.counts.completed} answered for {batch.cost_usd:.6f} USD")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
