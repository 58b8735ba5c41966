"""Load and check the configuration; each error names the file, the line and the key."""

from __future__ import annotations

import math
import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from feedd.channels import CHANNEL_NAMES
from feedd.config import faults as fault_table
from feedd.config import network
from feedd.config import replay as replay_settings
from feedd.config import webhook as webhook_settings
from feedd.config.document import Document
from feedd.config.explanations import explain, similar_hint, split_path
from feedd.config.settings import (
    Config,
    Feed,
    RecorderSettings,
    SymbolEntry,
)
from feedd.endpoint_form import endpoint_fault
from feedd.errors import ConfigError
from feedd.topic_prefixes import prefix_fault
from feedd.venues.played import played_exchanges
from feedd.venues.registry import EMBEDDED, NATIVE

COMPARED_AT_LEAST_S = 1.0  # each comparison is a request
DEFAULT_PATH = Path("config/feedd.yaml")


def load_config(path: Path) -> Config:
    """Return the configuration in a file; raise ConfigError with file, line and key."""
    return parse_config(read_config_text(path), path)


def read_config_text(path: Path) -> str:
    """Return a file's text with its line ends unchanged; raise ConfigError if it can't be read."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; name another with --config or FEEDD_CONFIG"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path}:{line}: is not UTF-8 text: byte 0x{error.object[error.start]:02X}"
        ) from None


def parse_config(text: str, path: Path) -> Config:
    """Return the configuration in a text; errors name `path`."""
    return _ConfigDocument(path, text).config()


def place_of(path: Path, *keys: str | int) -> str:
    """Return where a file sets a key, as `file:line: key`; the line is missing for a default."""
    return _ConfigDocument(path, read_config_text(path)).place(list(keys))


def place_of_feed(path: Path, index: int, key: str) -> str:
    """Return where a file sets a key of a symbol: in its entry, else for all symbols."""
    document = _ConfigDocument(path, read_config_text(path))
    return document.place(document.keys_of_feed(index, key))


class _ConfigDocument(Document):
    """A configuration's text, and the checks of its values."""

    def config(self) -> Config:
        """Return the configuration; raise ConfigError if it is invalid."""
        if not isinstance(self.data, dict):
            raise ConfigError(
                f"{self.path}: is empty or not a map of keys; it needs at least `symbols:`"
            )
        self._register_secrets()
        try:
            config = msgspec.convert(self.data, Config)
        except msgspec.ValidationError as error:
            what, path = split_path(str(error))
            raise self.error(*explain(what, path, self.value(path))) from None
        self._check(config)
        return config

    def _register_secrets(self) -> None:
        url = self.value(["gateway", "webhook", "url"])
        if isinstance(url, str):
            webhook_settings.register(url)

    def _check(self, config: Config) -> None:
        """Reject values that are well formed and impossible."""
        if not config.symbols:
            raise self.error(["symbols"], "is empty; name at least one, e.g. BTC/USDT:USDT")
        if config.endpoint is not None and (unfit := _unfit_url(config.endpoint)) is not None:
            raise self.error(["endpoint"], unfit)
        self._check_network(config)
        self._check_proxies(config)
        every_s = config.compare_books_every_s
        if not math.isfinite(every_s) or 0 < every_s < COMPARED_AT_LEAST_S:
            raise self.error(
                ["compare_books_every_s"],
                f"must be 0 (never) or at least {COMPARED_AT_LEAST_S:g} (s), and is {every_s:g}",
            )
        for key in ("speed", "rate", "clock_scale"):
            if not math.isfinite(getattr(config.embedded_exchange, key, 0.0)):
                raise self.error(["embedded_exchange", key], "must be a finite number")
        embedded = config.embedded_exchange
        for index, fault in enumerate(() if embedded is None else embedded.faults):
            if (unfit := fault_table.check(fault)) is not None:
                raise self.error(["embedded_exchange", "faults", index], unfit)
        self._check_channels(config.channels, ["channels"])
        self._check_recorder(config.recorder)
        self._check_gateway(config)
        self._check_symbols(config)
        self._check_sources(config)
        self._check_replay(config)

    def _check_network(self, config: Config) -> None:
        if config.proxy_url is not None:
            try:
                network.parse_proxy(config.proxy_url, network.SETTING)
            except ConfigError as error:
                key, _, what = str(error).partition(": ")
                raise self.error([key], what) from None
        given = () if config.no_proxy is None else network.no_proxy_entries(config.no_proxy)
        for entry in given:
            if (unfit := network.check_no_proxy(entry)) is not None:
                raise self.error(["no_proxy"], unfit)
        if config.ca_file is not None and (unfit := network.check_ca_file(config.ca_file)):
            raise self.error(["ca_file"], unfit)

    def _check_recorder(self, recorder: RecorderSettings | None) -> None:
        if recorder is None:
            if isinstance(self.data, dict) and "recorder" in self.data:
                raise self.error(["recorder"], "is empty; `recorder: {}` records with defaults")
            return
        if not recorder.topics:
            raise self.error(["recorder", "topics"], "is empty; [''] records everything")
        for index, prefix in enumerate(recorder.topics):
            if not prefix.isprintable():
                raise self.error(
                    ["recorder", "topics", index], f"{prefix!r} has invisible characters"
                )
            if (fault := prefix_fault(prefix)) is not None:
                raise self.error(
                    ["recorder", "topics", index], f"no topic begins with {prefix!r}: {fault}"
                )

    def _check_gateway(self, config: Config) -> None:
        gateway = config.gateway_settings
        if gateway is None:
            return
        try:
            loopback = ip_address(gateway.host).is_loopback
        except ValueError:
            loopback = gateway.host == "localhost"
        if not loopback:
            raise self.error(
                ["gateway", "host"],
                f"{gateway.host!r} is not this machine's own address; use 127.0.0.1, and a reverse "
                "proxy with passwords in front of it for other machines",
            )
        webhook = gateway.webhook
        if webhook is not None and (fault := webhook_settings.settings_fault(webhook)) is not None:
            raise self.error(["gateway", "webhook", fault[0]], fault[1])
        others = msgspec.structs.replace(config, gateway=False)
        if gateway.port in others.reserved_ports():
            raise self.error(
                ["gateway", "port"], f"{gateway.port} is the proxy's or the embedded exchange's"
            )

    def _check_proxies(self, config: Config) -> None:
        taken: dict[str, str] = {}
        for name, proxy in zip(
            ("proxy", "proxy_2"), config.proxy_programs().values(), strict=False
        ):
            for key in ("subscribers", "workers", "history"):
                endpoint = getattr(proxy, key)
                fault = endpoint_fault(endpoint.replace("tcp://*:", "tcp://0.0.0.0:"))
                if fault is not None or not re.match(r"(tcp|ipc)://", endpoint):
                    raise self.error(
                        [name, key], f"must look like tcp://127.0.0.1:5500, or ipc://PATH: {fault}"
                    )
                if endpoint in taken:
                    raise self.error(
                        [name, key],
                        f"{endpoint} is already the endpoint of {taken[endpoint]}; choose another",
                    )
                taken[endpoint] = f"{name}.{key}"

    def _check_channels(self, channels: tuple[str, ...], path: list[str | int]) -> None:
        if not channels:
            raise self.error(path, "is empty; name at least one of " + ", ".join(CHANNEL_NAMES))
        for channel in channels:
            if channels.count(channel) > 1:
                raise self.error(path, f"{channel} appears twice")

    def _check_sources(self, config: Config) -> None:
        feeds = config.feeds()
        embedded = config.embedded_exchange is not None and config.endpoint is None
        for index, feed in enumerate(feeds):
            if embedded and feed.source != "replay" and feed.exchange not in EMBEDDED:
                self._check_played(config, feed, self.keys_of_feed(index, "exchange"))
            if feed.source == "native" and feed.exchange not in NATIVE:
                raise self.error(
                    self.keys_of_feed(index, "source"),
                    f"native serves {' and '.join(NATIVE)}, and symbols[{index}] is on "
                    f"{feed.exchange}; use ccxt for it",
                )
        native = any(feed.source == "native" for feed in feeds)
        if config.compression and not native:
            raise self.error(["compression"], "is for source: native; ccxt always offers it")
        if config.connections > 1 and not native:
            raise self.error(["connections"], "is for source: native; ccxt has one connection")

    def _check_played(self, config: Config, feed: Feed, keys: list[str | int]) -> None:
        exchange, played = config.embedded_exchange, {one.exchange for one in played_exchanges()}
        if feed.exchange not in played:
            known = [*EMBEDDED, *sorted(played)]
            raise self.error(
                keys,
                f"the embedded exchange serves {', '.join(EMBEDDED)}, plays recordings of "
                f"{', '.join(sorted(played))}, and has no {feed.exchange}"
                f"{similar_hint(feed.exchange, known)}",
            )
        if exchange is not None and not exchange.plays(feed.exchange, feed.symbol):
            raise self.error(
                keys,
                f"the embedded exchange has {feed.exchange} from recordings only; name one under "
                f"embedded_exchange.recording: {{{feed.symbol}: FILE}}",
            )

    def _check_replay(self, config: Config) -> None:
        replay = config.replay
        for index, feed in enumerate(config.feeds()):
            if feed.source == "replay" and replay is None:
                raise self.error(self.keys_of_feed(index, "source"), replay_settings.MISSING)
        sources = [feed.source for feed in config.feeds()]
        if replay is not None and (unfit := replay_settings.check(replay, sources)) is not None:
            raise self.error(["replay", unfit[0]], unfit[1])

    def _check_symbols(self, config: Config) -> None:
        names: dict[str, int] = {}
        ports: dict[int, int] = {}
        reserved = config.reserved_ports()
        for index, (entry, feed) in enumerate(zip(config.symbols, config.feeds(), strict=True)):
            where: list[str | int] = ["symbols", index]
            if not feed.symbol.isprintable() or re.search(r"\s", feed.symbol):
                text = entry if isinstance(entry, str) else entry.symbol
                joined = "; two lines are read as one: align the dashes" if " - " in text else ""
                raise self.error(where, f"{text!r} is not a symbol like BTC/USDT:USDT{joined}")
            if not re.fullmatch(r"[a-z0-9]+", feed.exchange):
                raise self.error(
                    self.keys_of_feed(index, "exchange"),
                    f"{feed.exchange!r} is not an exchange of ccxt.pro",
                )
            if isinstance(entry, SymbolEntry) and entry.channels is not None:
                self._check_channels(entry.channels, [*where, "channels"])
            if feed.name in names:
                other = names[feed.name]
                raise self.error(
                    where, f"{feed.name} is already symbols[{other}]; remove one of them"
                )
            names[feed.name] = index
            if feed.port is None:
                continue
            if feed.port in ports:
                other = ports[feed.port]
                raise self.error([*where, "port"], f"{feed.port} is symbols[{other}]'s already")
            if feed.port in reserved:
                raise self.error(
                    [*where, "port"],
                    f"{feed.port} is the proxy's, the gateway's or the embedded exchange's",
                )
            ports[feed.port] = index


def _unfit_url(url: str) -> str | None:
    """Return why a text is not the URL of an exchange, or None."""
    form = "must look like http://127.0.0.1:8765 or https://exchange.example.com"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        number = "; its port is not a number from 1 to 65535"
        return form + (number if "port" in str(error).lower() else "")
    if parts.scheme not in {"http", "https"}:
        return form if not parts.scheme or host is None else f"{form}, and not {parts.scheme}://"
    if not host or not re.fullmatch(r"[^\s/?#@\\]+", host) or port == 0:
        return form
    if parts.query or parts.fragment:
        return f"{form}, without ? and #"
    return None
