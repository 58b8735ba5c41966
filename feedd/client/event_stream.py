"""Event stream: the part of a live and of a recorded stream that is the same for both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Self, TypeVar

EVENTS_PER_TURN = 100  # that `async for` takes before it lets the loop's other tasks run

E = TypeVar("E")


class EventStream(ABC, Generic[E]):
    """Iterator and context manager, sync and async."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    @abstractmethod
    def __next__(self) -> E: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> E: ...

    @abstractmethod
    def receive(self, timeout_s: float | None) -> E | None:
        """Return the next event; None after `timeout_s` or at the stream's end."""

    @abstractmethod
    def close(self) -> None:
        """Close the stream."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the stream, without blocking the loop."""
