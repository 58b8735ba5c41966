"""Check that the embedded exchange at a port is this project's own.

Another project's exchange at the same port answers as well, with the prices of its configuration.
"""

from __future__ import annotations

import asyncio

import msgspec

from feedd.errors import SourceError

PATH = "/embedded/deployment"
ANSWER_S = 3.0
ANSWER_BYTES = 4096


async def check_exchange(port: int, deployment: str) -> None:
    """Return if the exchange at a local port is of a deployment, or of none.

    Raises SourceError if it is another deployment's, or does not answer.
    """
    where = f"the embedded exchange at 127.0.0.1:{port}"
    try:
        async with asyncio.timeout(ANSWER_S):
            found = await _ask(port)
    except (OSError, TimeoutError, msgspec.MsgspecError) as error:
        raise SourceError(f"{where} does not answer: {str(error) or 'no answer'}") from None
    if found.get("deployment") not in {None, deployment}:
        raise SourceError(
            f"{where} is another project's: of deployment {found['deployment']} (pid "
            f"{found.get('pid')}), and this one is {deployment}; stop it, or set "
            "embedded_exchange.port"
        )


async def _ask(port: int) -> dict[str, object]:
    """Return the answer, an object; without an HTTP library, which costs a worker memory."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {PATH} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await writer.drain()
        head, _, body = (await reader.read(ANSWER_BYTES)).partition(b"\r\n\r\n")
        if not body and head:
            body = await reader.read(ANSWER_BYTES)
    finally:
        writer.close()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        return {}  # an exchange of an earlier version
    return msgspec.json.decode(body, type=dict[str, object])
