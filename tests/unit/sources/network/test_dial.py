"""Connected sockets: the options and the order of a host's addresses."""

from __future__ import annotations

import asyncio
import socket
import time

from network_setup import addresses, black_hole, serving

from feedd.sources.network.dial import NEXT_ADDRESS_AFTER_S, Dialer


async def _idle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_a_socket_sends_without_delay_and_a_dead_address_delays_it_by_the_interval() -> None:
    async def run() -> None:
        async with serving(_idle) as port:
            with black_hole() as nobody:
                resolve = addresses(nobody, nobody, ("127.0.0.1", port))
                began_s = time.monotonic()
                connected = await Dialer(resolve=resolve).connect("ws://host", "host", 9, 5.0)
                took_s = time.monotonic() - began_s
            with connected:
                assert connected.getpeername() == ("127.0.0.1", port)
                assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert took_s >= 2 * NEXT_ADDRESS_AFTER_S

    asyncio.run(run())
