"""Proxy and certificates of the connections to exchanges: from the configuration and environment.

The variables are those of curl (https://curl.se/docs/manpage.html#ENVIRONMENT): a name in lower
case takes precedence, and an empty value counts as none.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from feedd.errors import ConfigError
from feedd.runtime import secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.config.settings import Config

DEFAULT_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}  # of variables; a setting has its own
EXAMPLE = "http://proxy.example.com:3128 or socks5h://proxy.example.com:1080"
CODED = "; special characters of a user or password are written as in %40 for @"
SETTING = "proxy_url"
SOCKS_AT_MOST = 255  # bytes of a user or a password: RFC 1929
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_VARIABLES = {"http": ("http_proxy", "all_proxy"), "https": ("https_proxy", "all_proxy")}


class ProxyServer(Struct, frozen=True):
    """A proxy; its text and its repr contain neither its user nor its password."""

    scheme: str  # of DEFAULT_PORTS
    host: str
    port: int
    given_by: str  # the setting or the variable
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        user = f"{secrets.REDACTED}@" if self.username or self.password else ""
        return f"{self.scheme}://{user}{_authority(self.host, self.port)} ({self.given_by})"


class Network(Struct, frozen=True):
    """How connections to exchanges are made; `proxies` has one for each of http and https.

    `variables` are those that name the trusted certificates: SSL_CERT_FILE and SSL_CERT_DIR.
    """

    proxies: dict[str, ProxyServer] = {}
    no_proxy: tuple[str, ...] = ()
    ca_file: str | None = None
    variables: dict[str, str] = {}

    def proxy_for(self, url: str) -> ProxyServer | None:
        """Return the proxy that a URL is reached through; None for a direct connection.

        A proxy that a variable names is for other machines; `proxy_url` is for all addresses.
        """
        parts = urlsplit(url)
        proxy = self.proxies.get({"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme))
        host = (parts.hostname or "").rstrip(".")
        if proxy is None or (proxy.given_by != SETTING and _is_loopback(host)):
            return None
        port = parts.port or PORTS[parts.scheme]
        return None if bypasses(self.no_proxy, host, port) else proxy


def described(network: Network, endpoint: str | None) -> list[str]:
    """Return how an exchange is reached, in lines for a person; none where nothing is set.

    `endpoint` is the feed's; None for the exchange's own hosts.
    """
    proxy = network.proxies.get((endpoint or "https").partition(":")[0])
    lines = []
    if proxy is not None and endpoint is not None and network.proxy_for(endpoint) is None:
        host = urlsplit(endpoint).hostname or ""
        why = (
            "in no_proxy"
            if not (proxy.given_by != SETTING and _is_loopback(host))
            else "this machine"
        )
        lines.append(f"{host} is reached directly: it is {why}")
    elif proxy is not None and "*" in network.no_proxy:
        lines.append(f"exchanges are reached directly, and not through {proxy}: no_proxy has *")
    elif proxy is not None:
        entries = [entry for entry in network.no_proxy if check_no_proxy(entry) is None]
        direct = f"; directly: {', '.join(entries)}" if entries else ""
        lines.append(f"exchanges are reached through the proxy {proxy}{direct}")
        lines += [
            f"an entry of no_proxy has no effect: {fault}"
            for fault in map(check_no_proxy, network.no_proxy)
            if fault is not None
        ]
    trusted = [f"{name} {path}" for name, path in network.variables.items()]
    if network.ca_file is not None:
        trusted.append(f"ca_file {network.ca_file}")
    if trusted and not (endpoint or "").startswith("http:"):
        lines.append(f"certificates are trusted by {', '.join(trusted)}")
    return lines


def network_of(
    config: Config, environment: Mapping[str, str], exchange: str, symbol: str
) -> Network:
    """Return the network of a feed; an embedded exchange is always reached directly.

    Raises ConfigError for a variable that names no usable proxy.
    """
    if config.endpoint is None and config.endpoint_of(exchange, symbol) is not None:
        return Network()
    return outside_network(config, environment)


def outside_network(config: Config, environment: Mapping[str, str]) -> Network:
    """Return the network of everything that is not embedded.

    Raises ConfigError for a variable that names no usable proxy.
    """
    if config.proxy_url is not None:
        proxy = parse_proxy(config.proxy_url, SETTING)
        proxies = dict.fromkeys(_VARIABLES, proxy)
    else:
        proxies = _proxies_of(environment)
    no_proxy = config.no_proxy
    if no_proxy is None:
        no_proxy = _variable(environment, "no_proxy")[1]
    given = {name: environment[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
             if environment.get(name)}  # fmt: skip
    return Network(proxies, no_proxy_entries(no_proxy), config.ca_file, given)


def parse_proxy(text: str, given_by: str) -> ProxyServer:
    """Return the proxy that a URL names; raise ConfigError, without the URL: it has a password.

    A variable may omit the scheme and the port, and may have a path, which has no meaning.
    """
    strict = given_by == SETTING
    text = text if strict else text.strip()
    if not strict and "://" not in text:
        text = f"http://{text}"
    unfit = _unfit_scheme(text) or _unfit_address(text, strict=strict)
    if unfit is not None:
        raise ConfigError(f"{given_by}: {unfit}; it must look like {EXAMPLE}")
    parts = urlsplit(text)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    secrets.register({f"{given_by}_PASSWORD": password})
    return ProxyServer(
        parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme], given_by,
        username, password,
    )  # fmt: skip


def _unfit_scheme(text: str) -> str | None:
    if re.search(r"[\x00-\x20\x7f]", text):
        return "contains a space, a line break or another control character"
    scheme, separator, _ = text.lower().partition("://")
    if not separator:
        return "has no scheme"
    if scheme == "https":
        return "a proxy that is itself behind TLS (https://) is not supported"
    if scheme not in DEFAULT_PORTS:
        shown = f" ({scheme}://)" if re.fullmatch(r"[a-z0-9+.-]{1,12}", scheme) else ""
        return f"its scheme{shown} is not one of {', '.join(DEFAULT_PORTS)}"
    return None


def _unfit_address(text: str, *, strict: bool) -> str | None:
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        return f"has no port from 1 to 65535 after its host{CODED}"
    if not host or not _is_host(host):
        return f"names no host{CODED}"
    if port == 0 or (port is None and strict):
        return "has no port from 1 to 65535 after its host"
    if strict and (parts.path not in {"", "/"} or parts.query or parts.fragment):
        return f"has text after its port{CODED}"
    credentials = unquote(parts.username or "") + unquote(parts.password or "")
    if parts.scheme != "http" and not credentials.isascii():
        return "the user and the password of a SOCKS proxy must be ASCII"
    longest = max(len(unquote(part or "")) for part in (parts.username, parts.password))
    if parts.scheme != "http" and longest > SOCKS_AT_MOST:
        return f"the user and the password of a SOCKS proxy have at most {SOCKS_AT_MOST} characters"
    return None


def check_no_proxy(entry: str) -> str | None:
    """Return what is wrong with an entry of the setting `no_proxy`, if anything."""
    if entry == "*":
        return None
    if not entry or "://" in entry or re.search(r"[\s,]", entry):
        return f"{entry!r} is not a host, a domain, an address or a network like 10.0.0.0/8"
    if "/" in entry:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return f"{entry!r} is not a network like 10.0.0.0/8"
        return None
    host, port = _split_port(entry)
    if not _is_host(host.removeprefix("*").removeprefix(".")):
        return f"{entry!r} is not a host, a domain, an address or a network like 10.0.0.0/8"
    if port is not None and not 1 <= port <= 65535:
        return f"{entry!r} has a port that is not from 1 to 65535"
    return None


def check_ca_file(path: str) -> str | None:
    """Return why a file of certificates can't be used, or None if it can."""
    if not path:
        return "'' names no file"
    import ssl  # noqa: PLC0415  most configurations have no such file, and every process reads one

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return f"{path} contains no certificate in PEM form"
    except OSError as error:
        return f"{path} can't be read: {error.strerror}"
    return None


def no_proxy_entries(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return the entries of a list, or of a text with commas or spaces between them."""
    entries = re.split(r"[,\s]+", given) if isinstance(given, str) else given
    return tuple(entry.strip() for entry in entries if entry.strip())


def bypasses(entries: Iterable[str], host: str, port: int) -> bool:
    """Whether a host is reached without a proxy; host names are not resolved for it."""
    host = host.lower().rstrip(".")
    address = _address(host)
    return any(_matches(entry.lower(), host, address, port) for entry in entries)


def _matches(
    entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int
) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, only_port = _split_port(entry)
    if only_port is not None and only_port != port:
        return False
    if address is not None:
        return _address(name) == address
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _proxies_of(environment: Mapping[str, str]) -> dict[str, ProxyServer]:
    found = {}
    for scheme, names in _VARIABLES.items():
        given = (_variable(environment, name) for name in names)
        name, value = next(((n, v) for n, v in given if v), ("", ""))
        if value:
            found[scheme] = parse_proxy(value, name)
    return found


def _variable(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return a variable's name as it is spelt in the environment, and its value, or ""."""
    spelt = name if name in environment else name.upper()
    return spelt, environment.get(spelt, "").strip()


def _split_port(entry: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^:]*))(?::(?P<port>\d{1,6}))?", entry)
    if found is None:  # an IPv6 address without brackets
        return entry, None
    return found["six"] or found["host"] or "", int(found["port"]) if found["port"] else None


def _is_host(host: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+", host)) or _address(host) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return (
        address.is_loopback
        if address is not None
        else host.rsplit(".", maxsplit=1)[-1] == "localhost"
    )


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
