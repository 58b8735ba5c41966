r"""supervisord's event listener protocol, over any pair of streams.

http://supervisord.org/events.html#event-listener-notification-protocol: the listener writes
`READY\n`, supervisord a header line of `key:value` pairs and a payload of `len`, the listener
`RESULT 2\nOK`. Standard output is the protocol's: nothing else may be printed there.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from feedd.errors import FeeddError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

READY = b"READY\n"
DONE = b"RESULT 2\nOK"


class ProtocolError(FeeddError):
    """supervisord sent something that is not the protocol."""


@dataclass(frozen=True, slots=True)
class ListenerEvent:
    """An event: its name, e.g. TICK_5, its serial number, and the `key:value` pairs of its body."""

    name: str
    serial: int
    values: dict[str, str]


class Writer(Protocol):
    """Sends bytes to supervisord without buffering."""

    def __call__(self, data: bytes, /) -> object:
        """Send all of `data`."""


async def events(reader: asyncio.StreamReader, write: Writer) -> AsyncIterator[ListenerEvent]:
    """Yield each event until supervisord closes its end.

    An event is acknowledged when the next one is requested; until then supervisord queues further
    ones. Raises ProtocolError.
    """
    while True:
        write(READY)
        line = await reader.readline()
        if not line:
            return
        header = _pairs(line.decode(errors="replace"))
        try:
            name, length = header["eventname"], int(header["len"])
            serial = int(header["serial"])
        except (KeyError, ValueError):
            raise ProtocolError(f"supervisord sent {line!r} instead of an event") from None
        yield ListenerEvent(name, serial, _pairs(await _body(reader, length)))
        write(DONE)


async def _body(reader: asyncio.StreamReader, length: int) -> str:
    """Return a payload; its `len` counts characters, and one may have several bytes."""
    decode, text = getincrementaldecoder("utf-8")(errors="replace").decode, ""
    while len(text) < length:
        text += decode(await reader.readexactly(length - len(text)))
    return text


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in text.split() if ":" in pair)
