"""Which redirects are followed."""

from __future__ import annotations

import pytest

from feedd.errors import SourceError
from feedd.sources.network.redirects import followed, is_web_page, title

URL = "https://fapi.binance.com/fapi/v1/time?x=1"


@pytest.mark.parametrize(
    ("url", "location", "there"),
    [
        (URL, "/new?y=2", "https://fapi.binance.com:443/new?y=2"),
        (URL, "https://FAPI.binance.com:443/new#top", "https://fapi.binance.com:443/new"),
        (URL, "//fapi.binance.com/new", "https://fapi.binance.com:443/new"),
        (URL, "https://user:secret@fapi.binance.com/new", "https://fapi.binance.com:443/new"),
        ("http://h:8080/a", "https://h:8443/b", "https://h:8443/b"),
        ("http://[::1]:8/a", "b", "http://[::1]:8/b"),
    ],
)
def test_a_redirect_within_a_host_is_followed(url: str, location: str, there: str) -> None:
    assert followed(url, location) == there


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://evil.example/x", "another host, evil.example"),
        ("https://fapi.binance.com.evil.example/x", "another host"),
        ("https://fapi.binance.com@evil.example/x", "another host, evil.example"),
        ("//evil.example/x", "another host"),
        ("https://fapi.binance.com:8443/x", "another port, 8443"),
        ("http://fapi.binance.com/x", "without TLS"),
        ("ftp://fapi.binance.com/x", "not a web address"),
        ("javascript:alert(1)", "not a web address"),
        ("https://fapi.binance.com:port/x", "not an address"),
        ("https://[/", "not an address"),
    ],
)
def test_any_other_redirect_is_refused(location: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        followed(URL, location)


def test_a_web_page_is_recognized_and_named_by_its_title() -> None:
    page = b"\r\n <!DOCTYPE html><html><head><TITLE lang=en>Please\n log in</TITLE>"
    assert is_web_page(page)
    assert title(page) == ": 'Please log in'"
    assert title(b"<html>") == ""
    assert not is_web_page(b'{"serverTime": 1}')
