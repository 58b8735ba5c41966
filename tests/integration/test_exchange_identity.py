"""A worker takes no data from another project's embedded exchange."""

from __future__ import annotations

import asyncio
import socket

import pytest
from conftest import free_ports

from feedd.clock import Clock
from feedd.embedded.identity import check_exchange
from feedd.embedded.server import ExchangeServer
from feedd.errors import SourceError


def checked(exchange: str | None, ours: str) -> None:
    """Check an exchange of one deployment for a worker of another."""

    async def run() -> None:
        server = ExchangeServer([], Clock(), deployment=exchange)
        port = await server.start(0)
        try:
            await check_exchange(port, ours)
        finally:
            await server.stop()

    asyncio.run(run())


@pytest.mark.parametrize("exchange", ["ours", None])
def test_the_own_exchange_and_one_without_a_deployment_are_accepted(exchange: str | None) -> None:
    checked(exchange, "ours")


def test_another_projects_exchange_is_named_and_tried_again() -> None:
    with pytest.raises(SourceError, match="is another project's: of deployment theirs"):
        checked("theirs", "ours")


def test_nobody_at_the_port_and_a_port_that_never_answers_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("feedd.embedded.identity.ANSWER_S", 0.2)
    [port] = free_ports(1)
    with pytest.raises(SourceError, match=f"127.0.0.1:{port} does not answer"):
        asyncio.run(check_exchange(port, "ours"))
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", port))
        mute.listen()
        with pytest.raises(SourceError, match="does not answer: no answer"):
            asyncio.run(check_exchange(port, "ours"))
