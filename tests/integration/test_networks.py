"""Both sources in the networks of companies: proxies, private certificates, several addresses."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvloop
from integration.source_setup import SOURCES, SourceSetup, running, source_setup
from network_setup import (
    PASSWORD,
    SOCKS_PASSWORD,
    USER,
    Authority,
    FakeProxy,
    addresses,
    behind_tls,
    black_hole,
    pumped,
    serving,
)

from feedd.config.network import SETTING, Network, parse_proxy
from feedd.errors import ConfigError, SourceError
from feedd.sources.native import rest_client
from feedd.sources.network import aiohttp_connector
from feedd.sources.network.dial import Dialer

LIVE = ("fapi.binance.com", "fstream.binance.com")
GIVEN = ("binanceusdm", "BTC/USDT:USDT", ("quote",))


@pytest.fixture(params=["ccxt", "native"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "Corp Inspection")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up sooner on a proxy that hangs."""
    monkeypatch.setattr(rest_client, "PROXY_WITHIN_S", 1.0)
    monkeypatch.setattr(aiohttp_connector, "PROXY_WITHIN_S", 1.0)


def through(
    scheme: str, port: int, credentials: tuple[str, str] | None, authority: Authority
) -> Network:
    """Return the network of a setting `proxy_url` and a setting `ca_file`."""
    user = "" if credentials is None else f"{':'.join(quote(it, safe='') for it in credentials)}@"
    proxy = parse_proxy(f"{scheme}://{user}127.0.0.1:{port}", SETTING)
    return Network(
        {"http": proxy, "https": proxy}, no_proxy=("other.example",), ca_file=str(authority.ca_file)
    )


@pytest.mark.parametrize(
    ("scheme", "credentials"),
    [("http", None), ("http", (USER, PASSWORD)), ("socks5", None),
     ("socks5h", (USER, SOCKS_PASSWORD))],
)  # fmt: skip
def test_pages_and_messages_pass_through_a_proxy_that_resolves_the_hosts(
    kind: str, scheme: str, credentials: tuple[str, str] | None, authority: Authority
) -> None:
    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as exchange,
        ):
            proxy = FakeProxy(exchange, credentials)
            serve = proxy.http if scheme == "http" else proxy.socks
            async with serving(serve) as port:
                network = through(scheme, port, credentials, authority)
                source = SOURCES[kind](*GIVEN, network=network, resolve=no_names)
                async with running(setup, source):
                    await setup.until(lambda: len(setup.received.ids("quote")) > 5)
            method = "CONNECT " if scheme == "http" else ""
            assert set(proxy.targets) == {f"{method}{host}:443" for host in LIVE}

    uvloop.run(run())


async def no_names(host: str, port: int) -> list[Any]:
    """Resolve as a company does: no host outside is known."""
    if host != "127.0.0.1":
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return await addresses((host, port))(host, port)


HTTP_REFUSALS = [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
     "refuses the user or password"),
    (b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n",
     "requires NTLM or Negotiate authentication"),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n<html>", "refuses to connect to fapi.binance.com:443: HTTP"),
    (b"HTTP/1.0 502 Bad Gateway\r\n\r\n", "can't connect to fapi.binance.com:443: HTTP 502 Bad Ga"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://login.corp/\r\n\r\n", "HTTP 302 Found"),
    (b"\x15\x03\x01", "does not answer as an HTTP proxy does"),
    (b"HTTP/1.1 100", "closed the connection without an answer"),
    (b"", "has not connected to fapi.binance.com:443 within 1 s"),
]  # fmt: skip
SOCKS_REFUSALS = [
    (b"\x05\x01\x00\x01", "SOCKS code 1, general"),
    (b"\x05\x02\x00\x01", "SOCKS code 2, connection not allowed by ruleset"),
    (b"\x05\x04\x00\x01", "SOCKS code 4, host unreachable; it may not know the host"),
    (b"\x05\x05\x00\x01", "SOCKS code 5, connection refused"),
    (b"\x05\x77\x00\x01", "does not answer as a SOCKS5 proxy does"),
    (b"\x05", "closed the connection without an answer"),
    (b"", "has not connected to fapi.binance.com:443 within 1 s"),
]


@pytest.mark.parametrize(
    ("scheme", "answer", "reason"),
    [*(("http", *one) for one in HTTP_REFUSALS), *(("socks5", *one) for one in SOCKS_REFUSALS)],
)
def test_a_proxy_that_fails_is_the_reason_and_its_password_is_not_in_it(
    kind: str, scheme: str, answer: bytes, reason: str, authority: Authority
) -> None:
    async def run() -> str:
        credentials = (USER, PASSWORD if scheme == "http" else SOCKS_PASSWORD)
        proxy = FakeProxy(9, credentials, answer=answer)
        async with serving(proxy.http if scheme == "http" else proxy.socks) as port:
            network = through(scheme, port, credentials, authority)
            text = await refusal(kind, network)
            assert f"the proxy {scheme}://…@127.0.0.1:{port} (proxy_url) " in text
            return text

    text = uvloop.run(run())
    assert reason in text
    assert USER not in text
    assert "p@ss" not in text


async def refusal(kind: str, network: Network, **options: Any) -> str:
    """Return why a source can't be prepared."""
    source = SOURCES[kind](*GIVEN, network=network, **options)
    try:
        with pytest.raises(SourceError) as caught:
            await source.prepare()
    finally:
        await source.close()
    return str(caught.value)


async def working(kind: str, setup: SourceSetup, **options: Any) -> float:
    """Run a source until quotes arrive; return how long that took, in seconds."""
    began_s = time.monotonic()
    async with running(setup, SOURCES[kind](*GIVEN, **options)):
        await setup.until(lambda: setup.received.ids("quote"))
    return time.monotonic() - began_s


# --- refusals on the way of the WebSocket alone ---------------------------------------------------


def test_a_proxy_that_refuses_the_websocket_alone_is_the_reason_of_the_loss(
    kind: str, authority: Authority
) -> None:
    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as exchange,
        ):
            proxy = FakeProxy(exchange, answer=b"HTTP/1.1 403 No\r\n\r\n", refuse_after=1)
            async with serving(proxy.http) as port:
                network = through("http", port, None, authority)
                async with running(setup, SOURCES[kind](*GIVEN, network=network)):
                    await setup.until(lambda: setup.received.losses)
            channel, reason = setup.received.losses[0]
            assert channel == "quote"
            assert f"the proxy http://127.0.0.1:{port} (proxy_url) refuses to connect to" in reason
            assert "fstream.binance.com:443: HTTP 403 No" in reason

    uvloop.run(run())


def test_a_proxy_that_is_away_or_unknown_is_named_as_such(kind: str, authority: Authority) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        network = through("http", port, None, authority)
        text = uvloop.run(refusal(kind, network))
    assert f"the proxy http://127.0.0.1:{port} (proxy_url) can't be reached: " in text
    proxy = parse_proxy("socks5://proxy.corp:1080", SETTING)
    text = uvloop.run(refusal(kind, Network({"https": proxy}), resolve=no_names))
    assert "the proxy socks5://proxy.corp:1080 (proxy_url) can't be reached: its name is " in text


def test_a_proxy_with_two_addresses_is_reached_at_the_one_that_answers(
    kind: str, authority: Authority
) -> None:
    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as exchange,
            serving(FakeProxy(exchange).http) as port,
        ):
            network = through("http", port, None, authority)
            with black_hole() as nobody:
                resolve = addresses(nobody, ("127.0.0.1", port))
                assert await working(kind, setup, network=network, resolve=resolve) < 5.0

    uvloop.run(run())


def test_hosts_of_no_proxy_are_reached_directly(kind: str, authority: Authority) -> None:
    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as exchange,
        ):
            proxy = parse_proxy("http://127.0.0.1:9", SETTING)
            network = Network({"https": proxy}, ("binance.com",), str(authority.ca_file))
            resolve = addresses(("127.0.0.1", exchange))
            await working(kind, setup, network=network, resolve=resolve)

    uvloop.run(run())


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["a black hole", "refuses", "IPv6 that is unreachable"])
def test_a_host_whose_first_address_fails_is_connected_to_within_two_seconds(
    kind: str, first: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected_s: list[float] = []
    connect = Dialer.connect

    async def timed(*arguments: Any) -> Any:
        began_s = time.monotonic()
        try:
            return await connect(*arguments)
        finally:
            connected_s.append(time.monotonic() - began_s)

    monkeypatch.setattr(Dialer, "connect", timed)

    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as exchange,
        ):
            with black_hole() as nobody:
                failing = {"a black hole": nobody, "refuses": ("127.0.0.1", 1)}
                address = failing.get(first, ("2001:db8::1", exchange))
                resolve = addresses(address, ("127.0.0.1", exchange))
                network = Network(ca_file=str(authority.ca_file))
                await working(kind, setup, network=network, resolve=resolve)

    uvloop.run(run())
    assert len(connected_s) >= 2  # for a page and for the messages
    assert max(connected_s) < 2.0


def test_a_name_that_is_unknown_at_first_and_moves_later_is_followed(
    kind: str, authority: Authority
) -> None:
    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as first,
            behind_tls(setup.port, authority.server(*LIVE)) as second,
        ):
            ports: list[int] = []

            async def resolve(host: str, port: int) -> list[Any]:
                if not ports:
                    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
                return await addresses(("127.0.0.1", ports[-1]))(host, port)

            network = Network(ca_file=str(authority.ca_file))
            text = await refusal(kind, network, resolve=resolve)
            assert "fapi.binance.com can't be resolved: Temporary failure" in text
            ports.append(first)
            async with running(setup, SOURCES[kind](*GIVEN, network=network, resolve=resolve)):
                await setup.until(lambda: setup.received.ids("quote"))
                ports.append(second)
                setup.client("bookTicker").abort()
                await setup.until(lambda: setup.received.losses)
                seen = len(setup.received.ids("quote"))
                await setup.until(lambda: len(setup.received.ids("quote")) > seen)

    uvloop.run(run())


# --- certificates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("another CA", "issued by Corp Inspection, is not trusted ("),
        ("too early", "issued by Corp Inspection, is not valid before "),
        ("too late", "issued by Corp Inspection, expired on "),
        ("another host", "issued by Corp Inspection, is for another host (Hostname mismatch"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_named_with_its_issuer(
    kind: str, case: str, reason: str, authority: Authority, tmp_path: Path
) -> None:
    tls = {
        "too early": authority.server("localhost", from_day=2),
        "too late": authority.server("localhost", from_day=-9, to_day=-2),
        "another host": authority.server("other.example"),
    }.get(case, authority.server("localhost"))
    trusted = Authority(tmp_path, "Another") if case == "another CA" else authority

    async def run() -> str:
        async with source_setup(kind) as setup, behind_tls(setup.port, tls) as port:
            network = Network(ca_file=str(trusted.ca_file))
            source = SOURCES[kind](*GIVEN, endpoint=f"https://localhost:{port}", network=network)
            try:
                with pytest.raises(SourceError) as caught:
                    await source.prepare()
            finally:
                await source.close()
            return str(caught.value)

    text = uvloop.run(run())
    assert "the certificate of localhost, " in text
    assert reason in text


def test_a_proxy_that_inspects_tls_is_named_by_its_certificate(
    kind: str, authority: Authority, tmp_path: Path
) -> None:
    async def run() -> str:
        inspection = Authority(tmp_path, "Inspecting Firewall")
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, inspection.server(*LIVE)) as inspected,
            serving(FakeProxy(inspected).http) as port,
        ):
            return await refusal(kind, through("http", port, None, authority))

    text = uvloop.run(run())
    assert "the certificate of fapi.binance.com, issued by Inspecting Firewall, is not" in text


def test_a_certificate_of_the_websocket_alone_is_named_as_the_reason_of_the_loss(
    kind: str, authority: Authority, tmp_path: Path
) -> None:
    async def run() -> None:
        stranger = Authority(tmp_path, "Stranger")
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server(*LIVE)) as pages,
            behind_tls(setup.port, stranger.server(*LIVE)) as messages,
        ):

            async def resolve(host: str, port: int) -> list[Any]:
                there = pages if host == "fapi.binance.com" else messages
                return await addresses(("127.0.0.1", there))(host, port)

            network = Network(ca_file=str(authority.ca_file))
            async with running(setup, SOURCES[kind](*GIVEN, network=network, resolve=resolve)):
                await setup.until(lambda: setup.received.losses)
            _, reason = setup.received.losses[0]
            assert "the certificate of fstream.binance.com, issued by Stranger, is not" in reason

    uvloop.run(run())


@pytest.mark.parametrize("how", ["ca_file", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_private_ca_is_trusted_for_pages_and_messages(
    kind: str, how: str, authority: Authority, tmp_path: Path
) -> None:
    def network() -> Network:
        if how == "ca_file":
            return Network(ca_file=str(authority.ca_file))
        if how == "SSL_CERT_FILE":
            return Network(variables={how: str(authority.ca_file)})
        (tmp_path / f"{authority.hash()}.0").write_bytes(authority.ca_file.read_bytes())
        return Network(variables={how: str(tmp_path)})

    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server("localhost")) as port,
        ):
            endpoint = f"https://localhost:{port}"
            await working(kind, setup, endpoint=endpoint, network=network())

    uvloop.run(run())


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SSL_CERT_FILE": "/none.pem"}, "SSL_CERT_FILE: /none.pem can't be read: No such file"),
        ({"SSL_CERT_DIR": "/none"}, "SSL_CERT_DIR: /none is not a folder"),
    ],
)
def test_variables_that_name_no_certificates_are_refused(
    kind: str, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        SOURCES[kind](*GIVEN, network=Network(variables=variables))


# --- redirects and web pages ----------------------------------------------------------------------


@asynccontextmanager
async def redirecting(port: int, location: str) -> AsyncIterator[tuple[int, list[str]]]:
    """Answer pages that do not begin with /moved by a redirect; others are the exchange's."""
    paths: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        _, path, _ = head.split("\r\n")[0].split(" ")
        paths.append(path)
        if "Upgrade: websocket" not in head and not path.startswith("/moved"):
            own = str(writer.get_extra_info("sockname")[1])
            there = location.replace("PATH", path).replace("PORT", own)
            writer.write(
                f"HTTP/1.1 307 Moved\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()
            )
            return
        exchange = await asyncio.open_connection("127.0.0.1", port)
        exchange[1].write(head.replace(" /moved", " ", 1).encode())
        await pumped((reader, writer), exchange)

    async with serving(take) as outer:
        yield outer, paths


@pytest.mark.parametrize(
    ("location", "refused"),
    [
        ("/movedPATH", None),
        ("http://127.0.0.1:PORT/movedPATH", None),
        ("http://login.corp/?next=secret-token", "is redirected to another host, login.corp, whi"),
        ("http://127.0.0.1:9/movedPATH", "is redirected to another port, 9, which"),
        ("ftp://127.0.0.1/", "is redirected to something that is not a web address"),
        ("http://[", "is redirected to something that is not an address"),
    ],
)
def test_redirects_are_followed_within_the_exchange_only(
    kind: str, location: str, refused: str | None
) -> None:
    async def run() -> None:
        async with source_setup(kind) as setup:
            async with redirecting(setup.port, location) as (port, paths):
                endpoint = f"http://127.0.0.1:{port}"
                if refused is None:
                    await working(kind, setup, endpoint=endpoint)
                    assert any(path.startswith("/moved/fapi") for path in paths)
                else:
                    text = await refusal(kind, Network(), endpoint=endpoint)
                    assert refused in text
                    assert "secret-token" not in text

    uvloop.run(run())


def test_a_redirect_to_tls_trusts_the_same_certificates(kind: str, authority: Authority) -> None:
    async def run() -> None:
        async with (
            source_setup(kind) as setup,
            behind_tls(setup.port, authority.server("127.0.0.1")) as tls,
            redirecting(setup.port, f"https://127.0.0.1:{tls}PATH") as (port, _),
        ):
            network = Network(ca_file=str(authority.ca_file))
            await working(kind, setup, endpoint=f"http://127.0.0.1:{port}", network=network)
            text = await refusal(kind, Network(), endpoint=f"http://127.0.0.1:{port}")
            assert "issued by Corp Inspection, is not trusted" in text

    uvloop.run(run())


def test_a_host_that_speaks_no_tls_is_named(kind: str) -> None:
    async def run() -> str:
        async with source_setup(kind) as setup:
            return await refusal(kind, Network(), endpoint=f"https://127.0.0.1:{setup.port}")

    assert "TLS with 127.0.0.1 fails: " in uvloop.run(run())


def test_a_host_whose_tls_handshake_hangs_is_given_up(
    kind: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_client, "WITHIN_S", 2.0)
    monkeypatch.setattr(aiohttp_connector, "HANDSHAKE_WITHIN_S", 2.0)

    async def take(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> str:
        async with serving(take) as exchange:
            async with serving(FakeProxy(exchange).http) as port:
                began_s = time.monotonic()
                text = await refusal(kind, through("http", port, None, authority))
                assert time.monotonic() - began_s < 8.0
                return text

    text = uvloop.run(run())
    assert ", through the proxy http://127.0.0.1:" in text


def test_a_redirect_without_end_is_given_up(kind: str) -> None:
    async def run() -> None:
        async with source_setup(kind) as setup, redirecting(setup.port, "PATH") as (port, paths):
            await refusal(kind, Network(), endpoint=f"http://127.0.0.1:{port}")
            assert len(paths) <= 11

    uvloop.run(run())


@pytest.mark.parametrize("status", [200, 403])
def test_a_web_page_instead_of_data_is_named(kind: str, status: int) -> None:
    page = b"<!DOCTYPE html><html><title>Welcome to our network</title></html>"
    head = b"HTTP/1.1 %d OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head % (status, len(page)) + page)

    async def run() -> str:
        async with serving(take) as port:
            return await refusal(kind, Network(), endpoint=f"http://127.0.0.1:{port}")

    text = uvloop.run(run())
    if status == 200:
        assert "the answer is a web page: of a login or a filter in this network?" in text
    else:
        assert "Welcome to our network" in text
