"""Reasons of connections that fail on the way to an exchange."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from feedd.errors import SourceError
from feedd.sources.error_texts import one_line

if TYPE_CHECKING:
    from feedd.config.network import ProxyServer
    from feedd.sources.network.dial import Dialer


class ProxyFailedError(SourceError):
    """Retry: a proxy is unreachable, or refuses or does not make the connection."""


def unreachable(proxy: ProxyServer, error: OSError) -> ProxyFailedError:
    """Return the error for a proxy that can't be connected to."""
    why = f"its name is unknown ({os_text(error)})" if _is_unknown(error) else os_text(error)
    return ProxyFailedError(f"the proxy {proxy} can't be reached: {why}")


def no_answer(proxy: ProxyServer, host: str, port: int, within_s: float) -> ProxyFailedError:
    """Return the error for a proxy that keeps a connection waiting."""
    return ProxyFailedError(
        f"the proxy {proxy} has not connected to {host}:{port} within {within_s:g} s"
    )


def refused_connect(
    proxy: ProxyServer, host: str, port: int, status: int, reason: str,
    headers: list[tuple[str, str]],
) -> ProxyFailedError:  # fmt: skip
    """Return the error for an HTTP proxy's answer other than 2xx."""
    answer = f"HTTP {status} {one_line(reason) if reason else ''}".strip()
    if status == 0:
        return ProxyFailedError(f"the proxy {proxy} does not answer as an HTTP proxy does")
    if status == 407:
        asked = [
            value.split()[0] for name, value in headers if name == "proxy-authenticate" and value
        ]
        if asked and "basic" not in [scheme.lower() for scheme in asked]:
            return ProxyFailedError(
                f"the proxy {proxy} requires {' or '.join(asked)} authentication ({answer}); "
                "feedd has Basic only: use a local proxy that authenticates, such as cntlm or px"
            )
        if proxy.username or proxy.password:
            return ProxyFailedError(f"the proxy {proxy} refuses the user or password ({answer})")
        return ProxyFailedError(
            f"the proxy {proxy} requires a user and a password ({answer}): "
            "http://USER:PASSWORD@HOST:PORT"
        )
    verb = "refuses to connect" if 400 <= status < 500 else "can't connect"
    return ProxyFailedError(f"the proxy {proxy} {verb} to {host}:{port}: {answer}")


async def connection_failure(dialer: Dialer, url: str, error: Exception) -> str:
    """Return the reason of a failed connection to a URL's host, directly or through a proxy."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # The exchange's certificate is rarely refused.
        from feedd.sources.network.tls import refused_certificate  # noqa: PLC0415

        return await refused_certificate(dialer, url, error)
    if isinstance(error, SourceError):
        return one_line(error)
    host = urlsplit(url).hostname
    if isinstance(error, socket.gaierror):
        return f"{host} can't be resolved: {os_text(error)}"
    if isinstance(error, ssl.SSLError):
        why = one_line(error.reason or error).lower().replace("_", " ")
        return f"TLS with {host} fails: {why}{via(dialer, url)}"
    if isinstance(error, ConnectionRefusedError):
        return f"{urlsplit(url).netloc.rpartition('@')[2]} refuses the connection"
    return f"{type(error).__name__}: {one_line(error)}{via(dialer, url)}"


def via(dialer: Dialer, url: str) -> str:
    """Return the proxy of a connection as the end of a text, or ""."""
    proxy = dialer.proxy_for(url)
    return "" if proxy is None else f", through the proxy {proxy}"


def os_text(error: OSError) -> str:
    """Return an error of the operating system without its number."""
    return one_line(error.strerror or error)


def _is_unknown(error: OSError) -> bool:
    return isinstance(error, socket.gaierror)
