"""Proxies, certificates and addresses of a company's network, for tests of connections."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "trader", "p@ss/wörd:1"  # HTTP proxies; SOCKS has ASCII only
SOCKS_PASSWORD = "p@ss/word:1"
Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


# --- certificates ---------------------------------------------------------------------------------


class Authority:
    """A private CA whose certificate is `ca_file`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        builder = self._builder(self._name, self._key.public_key(), -1, 30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.ca_file = folder / f"{name.replace(' ', '-')}-ca.pem"
        self.ca_file.write_bytes(self._pem(self._certificate))
        self._count = 0

    def hash(self) -> str:
        """Return the name of its certificate in a folder of certificates, without .0."""
        # X509_NAME_hash: of the canonical name, in lower case and without its outer SEQUENCE.
        low = [x509.NameAttribute(it.oid, str(it.value).lower()) for it in self._name]
        digest = hashlib.sha1(x509.Name(low).public_bytes()[2:]).digest()
        return f"{int.from_bytes(digest[:4], 'little'):08x}"

    def server(self, *names: str, from_day: int = -1, to_day: int = 30) -> ssl.SSLContext:
        """Return a server's context with a certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        builder = self._builder(subject, key.public_key(), from_day, to_day).add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        self._count += 1
        path = self._folder / f"server-{id(self)}-{self._count}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + self._pem(builder.sign(self._key, hashes.SHA256()))
        )  # fmt: skip
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context

    def _builder(
        self, subject: x509.Name, key: Any, from_day: int, to_day: int
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=from_day))
            .not_valid_after(now + dt.timedelta(days=to_day))
        )

    @staticmethod
    def _pem(certificate: x509.Certificate) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


# --- servers --------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(
    take: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve each connection with a coroutine; yield the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await take(reader, writer)
            writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.01)  # until their transports are closed


async def joined(client: Pipe, port: int) -> None:
    """Connect a client with a local port, until either ends."""
    await pumped(client, await asyncio.open_connection("127.0.0.1", port))


async def pumped(client: Pipe, there: Pipe) -> None:
    """Forward between two connections until either ends."""
    pumps = [
        asyncio.ensure_future(_pump(client[0], there[1])),
        asyncio.ensure_future(_pump(there[0], client[1])),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        there[1].transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def behind_tls(port: int, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Forward a TLS port to a plain one."""
    async with serving(lambda reader, writer: joined((reader, writer), port), tls) as outer:
        yield outer


@dataclass
class FakeProxy:
    """An HTTP or SOCKS5 proxy, which leads every host to the same local port."""

    port_of_exchange: int
    credentials: tuple[str, str] | None = None
    answer: bytes | None = None  # instead of the connection; b"" hangs
    refuse_after: int | None = None  # connections that are made before the answer is given
    targets: list[str] = field(default_factory=list)

    def refuses(self) -> bool:
        made = len(self.targets) - 1
        return self.answer is not None and made >= (self.refuse_after or 0)

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split("\r\n")[0].split(" ")
        self.targets.append(f"{method} {target}")
        if self.refuses():
            assert self.answer is not None
            await self._answer(writer, self.answer)
            return
        expected = ""
        if self.credentials is not None:
            pair = ":".join(self.credentials).encode()
            expected = f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}"
        if expected not in head:
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b"Proxy-Authenticate: Basic realm=corp\r\nContent-Length: 0\r\n\r\n"
            )
            return
        # In two parts, as some proxies do.
        writer.write(b"HTTP/1.1 200 Connection established\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"Via: corp\r\n\r\n")
        await joined((reader, writer), self.port_of_exchange)

    async def socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 0 if self.credentials is None else 2
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, wanted]))
        if self.credentials is not None:
            _, length = await reader.readexactly(2)
            user = (await reader.readexactly(length)).decode()
            (length,) = await reader.readexactly(1)
            password = (await reader.readexactly(length)).decode()
            good = (user, password) == self.credentials
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        host = await reader.readexactly(size)
        name = host.decode() if kind == 3 else str(ipaddress.ip_address(host))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        self.targets.append(f"{name}:{port}")
        if self.refuses():
            assert self.answer is not None
            await self._answer(writer, self.answer)
            return
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await joined((reader, writer), self.port_of_exchange)

    @staticmethod
    async def _answer(writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)
        await writer.drain()
        if not answer:
            await asyncio.sleep(3600)


# --- addresses ------------------------------------------------------------------------------------


@contextmanager
def black_hole() -> Iterator[tuple[str, int]]:
    """Yield an address that answers nothing: the queue of its listener is full."""
    listener, waiting = socket.socket(), []
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield listener.getsockname()
    finally:
        for one in (*waiting, listener):
            one.close()


def addresses(*found: tuple[str, int]) -> Callable[[str, int], Awaitable[list[Any]]]:
    """Return a resolver that finds the same addresses for every host."""

    async def resolve(_host: str, _port: int) -> list[Any]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (*one, 0, 0))
            if ":" in one[0]
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", one)
            for one in found
        ]

    return resolve
