"""Answer many prompts at once, and tell what it cost: `python many.py "one prompt" "another"`."""

import asyncio
import sys

from ai_service_sdk import AIServiceError, AsyncAIServiceSDK


async def main(prompts: list[str]) -> None:
    async with AsyncAIServiceSDK(max_retries=4) as sdk:
        at_once = asyncio.Semaphore(5)

        async def answer(prompt: str) -> float:
            async with at_once:
                try:
                    response = await sdk.generate(prompt, max_tokens=200)
                except AIServiceError as error:
                    print(f"{prompt}: {error}")
                    return 0.0
            print(f"{prompt}: {response.text}")
            return response.cost_usd or 0.0

        costs = await asyncio.gather(*(answer(prompt) for prompt in prompts))
    print(f"{len(prompts)} prompts for {sum(costs):.6f} USD")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["Say one.", "Say two."]))
