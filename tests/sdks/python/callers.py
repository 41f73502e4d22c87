"""Both SDKs behind one interface, so that a behaviour is stated once and holds for both."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from ai_service_sdk import AIServiceSDK, AsyncAIServiceSDK

Stop = Callable[[Any], bool]
"""Whether to leave the loop after this item."""


class Caller(Protocol):
    """An SDK whose methods are called by name."""

    @property
    def sdk(self) -> AIServiceSDK | AsyncAIServiceSDK:
        """The SDK itself."""

    async def call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """What the method returns."""

    async def raw(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """What the method of `with_raw_response` returns."""

    async def read(self, name: str, /, *arguments: Any, **named: Any) -> list[Any]:
        """Everything that a loop over what the method returns gives."""

    async def read_until(
        self, stop: Stop, name: str, /, *arguments: Any, **named: Any
    ) -> list[Any]:
        """The same, but the loop is left after the first for which `stop` is true."""

    async def pages(self, name: str, /, *arguments: Any, **named: Any) -> list[Any]:
        """The pages of a list."""

    async def final(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """The result of a stream."""


class SyncCaller:
    """`AIServiceSDK`, in a thread, as the simulator's controls are asynchronous."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.sdk = AIServiceSDK(*arguments, **named)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.sdk.close()

    async def call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(getattr(self.sdk, name), *arguments, **named)

    async def raw(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        method = getattr(self.sdk.with_raw_response, name)
        return await asyncio.to_thread(method, *arguments, **named)

    async def read(self, name: str, /, *arguments: Any, **named: Any) -> list[Any]:
        return await self.read_until(lambda _: False, name, *arguments, **named)

    async def read_until(
        self, stop: Stop, name: str, /, *arguments: Any, **named: Any
    ) -> list[Any]:
        def loop() -> list[Any]:
            read = []
            for item in getattr(self.sdk, name)(*arguments, **named):
                read.append(item)
                if stop(item):
                    break
            return read

        return await asyncio.to_thread(loop)

    async def pages(self, name: str, /, *arguments: Any, **named: Any) -> list[Any]:
        return await asyncio.to_thread(
            lambda: list(getattr(self.sdk, name)(*arguments, **named).pages())
        )

    async def final(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(lambda: getattr(self.sdk, name)(*arguments, **named).final())


class AsyncCaller:
    """`AsyncAIServiceSDK`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.sdk = AsyncAIServiceSDK(*arguments, **named)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.sdk.close()

    async def call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        return await getattr(self.sdk, name)(*arguments, **named)

    async def raw(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        return await getattr(self.sdk.with_raw_response, name)(*arguments, **named)

    async def read(self, name: str, /, *arguments: Any, **named: Any) -> list[Any]:
        return await self.read_until(lambda _: False, name, *arguments, **named)

    async def read_until(
        self, stop: Stop, name: str, /, *arguments: Any, **named: Any
    ) -> list[Any]:
        read = []
        async for item in getattr(self.sdk, name)(*arguments, **named):
            read.append(item)
            if stop(item):
                break
        return read

    async def pages(self, name: str, /, *arguments: Any, **named: Any) -> list[Any]:
        return [page async for page in getattr(self.sdk, name)(*arguments, **named).pages()]

    async def final(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        return await getattr(self.sdk, name)(*arguments, **named).final()
