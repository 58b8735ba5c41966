"""The request for a tunnel, and the answers of HTTP proxies."""

from __future__ import annotations

import base64

import pytest

from feedd.config.network import SETTING, parse_proxy
from feedd.sources.network.failures import refused_connect
from feedd.sources.network.http_tunnel import connect_request, parse_head

PLAIN = parse_proxy("http://proxy.corp:3128", SETTING)
WITH_USER = parse_proxy("http://us%3Aer:p%C3%A4ss@proxy.corp:3128", SETTING)


def test_a_request_names_the_host_and_authenticates_only_where_the_url_has_a_user() -> None:
    assert connect_request(PLAIN, "fapi.binance.com", 443) == (
        b"CONNECT fapi.binance.com:443 HTTP/1.1\r\nHost: fapi.binance.com:443\r\n"
        b"User-Agent: feedd\r\n\r\n"
    )
    lines = connect_request(WITH_USER, "fd00::7", 9443).decode().split("\r\n")
    assert lines[0] == "CONNECT [fd00::7]:9443 HTTP/1.1"
    token = lines[3].removeprefix("Proxy-Authorization: Basic ")
    assert base64.b64decode(token).decode() == "us:er:päss"


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        (b"HTTP/1.1 200 Connection established", 200, "Connection established"),
        (b"HTTP/1.0 403", 403, ""),
        (b"HTTP/1.1  502  Bad Gateway \r\nX: y", 502, "Bad Gateway"),
        (b"HTTP/1.1 OK", 0, "HTTP/1.1 OK"),
    ],
)
def test_the_answer_of_a_proxy_is_read(head: bytes, status: int, reason: str) -> None:
    assert parse_head(head)[:2] == (status, reason)


def test_what_a_proxy_wants_is_named() -> None:
    def text(proxy: object, *offers: str) -> str:
        headers = [("proxy-authenticate", offer) for offer in offers]
        return str(refused_connect(proxy, "host", 443, 407, "No", headers))  # type: ignore[arg-type]

    assert "requires a user and a password (HTTP 407 No): http://USER:PASSWORD@" in text(PLAIN)
    assert "requires a user and a password" in text(PLAIN, 'Basic realm="corp"')
    assert "refuses the user or password" in text(WITH_USER, "NTLM", "basic realm=x")
    assert "requires Negotiate or NTLM authentication" in text(WITH_USER, "Negotiate", "NTLM")
