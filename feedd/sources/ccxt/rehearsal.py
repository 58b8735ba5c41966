"""A subscription that ccxt refuses by itself: found before anything is sent.

An exchange without a folder in `feedd.venues` may need an API key for a channel, or a library that
reads its binary messages. ccxt would show that only while it subscribes or receives.
"""

from __future__ import annotations

import asyncio
import importlib.util
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from feedd.errors import ConfigError, CredentialsError
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.ccxt.plan import needs_key_text
from feedd.sources.error_texts import one_line
from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

_rehearsing: ContextVar[bool] = ContextVar("rehearsing", default=False)


class _ReachedError(Exception):
    """The call would use the network now."""


def with_rehearsals(base: Any) -> Any:
    """Return ccxt's class that stops a rehearsed call at its first use of the network."""

    class Rehearsing(base):  # type: ignore[misc]
        def client(self, url: str) -> Any:
            if _rehearsing.get():
                raise _ReachedError
            return super().client(url)

        async def fetch(self, *arguments: Any, **options: Any) -> Any:
            if _rehearsing.get():
                raise _ReachedError
            return await super().fetch(*arguments, **options)

    return Rehearsing


async def rehearse(
    exchange_name: str, channels: Iterable[str], watch: Callable[[str], Awaitable[Any]]
) -> None:
    """Call what subscribes to each channel, up to its first use of the network.

    Raises CredentialsError for one that needs an API key, ConfigError for one that is not served.
    """
    for channel in channels:
        try:
            await asyncio.create_task(_up_to_the_network(watch, channel))
        except ccxt.AuthenticationError:
            raise CredentialsError(needs_key_text(exchange_name, channel)) from None
        except (ccxt.NotSupported, ccxt.ArgumentsRequired) as error:
            raise ConfigError(f"{exchange_name} can't serve {channel}: {one_line(error)}") from None


async def _up_to_the_network(watch: Callable[[str], Awaitable[Any]], channel: str) -> None:
    _rehearsing.set(True)
    try:
        await watch(channel)
    except (ccxt.AuthenticationError, ccxt.NotSupported, ccxt.ArgumentsRequired):
        raise
    except Exception:  # noqa: BLE001  whatever else ccxt raises may depend on an answer
        return


def check_decodable(exchange: Any, exchange_name: str, symbol: str) -> None:
    """Raise ConfigError where a market's messages are binary and nothing here reads them."""
    code = getattr(type(exchange).handle_message, "__code__", None)
    binary = code is not None and "decode_proto_msg" in code.co_names
    if binary and market_type(symbol) == "spot" and not _has_protobuf():
        raise ConfigError(
            f"{exchange_name} sends {symbol} as protobuf messages, which need the Python package "
            "protobuf; feedd does not install it: pip install protobuf"
        )


def _has_protobuf() -> bool:
    try:
        return importlib.util.find_spec("google.protobuf") is not None
    except ModuleNotFoundError:
        return False
