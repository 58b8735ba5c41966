"""The typed, frozen settings of a configuration; `feedd.config.load` reads and checks them."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from feedd.channels import ChannelName  # noqa: TC001  msgspec reads the annotations
from feedd.config import replay as replay_settings
from feedd.config.faults import Fault  # noqa: TC001
from feedd.config.replay import Replay  # noqa: TC001
from feedd.config.webhook import WebhookSettings  # noqa: TC001
from feedd.errors import ConfigError
from feedd.model import BidAsk  # noqa: TC001
from feedd.topics import program_name
from feedd.venues.registry import (
    DEFAULT_EXCHANGE,
    RECORDED,
    embedded_path,
    unified_symbol,
)

NAMED = 10  # symbols in an error
Port = Annotated[int, Meta(ge=1, le=65535)]
SourceName = Literal["ccxt", "native", "replay"]


class SymbolEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A symbol with its own settings."""

    symbol: str
    exchange: str | None = None
    source: SourceName | None = None
    port: Port | None = None
    channels: tuple[ChannelName, ...] | None = None


class ProxySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """ZeroMQ endpoints of the proxy."""

    subscribers: str = "tcp://127.0.0.1:5500"
    workers: str = "ipc://run/workers.sock"
    history: str = "tcp://127.0.0.1:5501"


class SecondProxySettings(ProxySettings, frozen=True, forbid_unknown_fields=True):
    """ZeroMQ endpoints of the second proxy, if there are two."""

    subscribers: str = "tcp://127.0.0.1:5510"
    workers: str = "ipc://run/workers2.sock"
    history: str = "tcp://127.0.0.1:5511"


class EmbeddedExchange(Struct, frozen=True, forbid_unknown_fields=True):
    """Embedded exchange, for demos and tests."""

    port: Port = 8765
    recording: str | dict[str, str] | None = None
    speed: Annotated[float, Meta(ge=0)] = 1.0
    truth_log: str | None = None
    truth_unsent: bool = False  # also log events that reach no connection
    rebase: bool = False  # move a recording's E and T to now
    seed: int = 1  # of the generated market
    rate: Annotated[float, Meta(gt=0)] = 20.0  # its quotes and trades per second and symbol
    bursts: bool = True  # as in a recording; false: orders arrive one at a time
    clock_scale: Annotated[float, Meta(gt=0)] = 1.0  # pings, the 24 h limit, the weights' minute
    faults: tuple[Fault, ...] = ()  # docs/faults.md; `after_s` counts from the exchange's start

    def plays(self, exchange: str, symbol: str) -> bool:
        """Return whether a feed is served from a recording by its venue's own `played.py`.

        The recordings of `RECORDED` are played by the markets that are generated otherwise.
        """
        if self.recording is None or exchange in RECORDED:
            return False
        if isinstance(self.recording, str):
            return True
        return any(unified_symbol(exchange, name) == symbol for name in self.recording)


class RecorderSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the recorder: docs/operations.md."""

    dir: str = "recordings"
    topics: tuple[str, ...] = ("",)  # prefixes; statuses are always recorded
    segment_minutes: Annotated[float, Meta(gt=0, le=1440)] = 60.0
    segment_mb: Annotated[float, Meta(gt=0, le=100_000)] = 256.0
    fsync_s: Annotated[float, Meta(ge=0.05, le=60)] = 1.0


class GatewaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Address of the gateway: its page, its API and its metrics, over HTTP. docs/gateway.md."""

    host: str = "127.0.0.1"  # an address of this machine that only its own programs reach
    port: Port = 8080
    webhook: WebhookSettings | None = None  # of notifications; None: none are sent

    @property
    def url(self) -> str:
        """Return the address for a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class Feed(Struct, frozen=True):
    """One worker's part of the configuration; `port` is None for the next free one."""

    name: str
    exchange: str
    source: SourceName
    symbol: str
    port: int | None
    channels: tuple[ChannelName, ...]


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file, checked; `feeds()` yields one feed per worker."""

    exchange: str = DEFAULT_EXCHANGE
    source: SourceName = "ccxt"
    connections: Annotated[int, Meta(ge=1, le=2)] = 1  # of each path of the exchange; native only
    compression: bool = False  # of what the exchange sends; native only
    endpoint: str | None = None
    proxy_url: str | None = None  # of the connections to exchanges; None: of the variables
    no_proxy: str | tuple[str, ...] | None = None  # reached directly; None: of the variable
    ca_file: str | None = None  # certificates that are trusted besides the public ones
    channels: tuple[ChannelName, ...] = ("ticker", "quote")
    bid_ask: BidAsk = "quote"
    book_depth: Annotated[int, Meta(ge=1, le=500)] = 20  # levels per side
    # A book that nothing checks is compared with a REST snapshot so often; 0: never.
    compare_books_every_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    timeframe: Annotated[str, Meta(pattern=r"^[0-9]+[smhdwM]$")] = "1m"  # of the candles
    base_port: Port = 5555
    symbols: tuple[str | SymbolEntry, ...]
    proxies: Annotated[int, Meta(ge=1, le=2)] = 1
    keep_cpus_awake: bool = False  # by the proxies, for the last µs of latency
    realtime_proxies: bool = False  # real-time priority: no wait for a CPU on a busy machine
    proxy: ProxySettings = ProxySettings()
    proxy_2: SecondProxySettings = SecondProxySettings()  # only with two proxies
    run_dir: str = "run"
    log_dir: str = "logs"
    embedded_exchange: EmbeddedExchange | None = None
    recorder: RecorderSettings | None = None
    gateway: GatewaySettings | bool = GatewaySettings()  # false: none
    replay: Replay | None = None

    @property
    def gateway_settings(self) -> GatewaySettings | None:
        """Return the settings of the gateway; None without one."""
        if isinstance(self.gateway, bool):
            return GatewaySettings() if self.gateway else None
        return self.gateway

    @property
    def lossless(self) -> bool:
        """Whether workers and proxies wait for the slowest subscriber: for unpaced replays only."""
        return replay_settings.lossless(self.replay, [feed.source for feed in self.feeds()])

    def endpoint_of(self, exchange: str, symbol: str) -> str | None:
        """Return the endpoint of a feed's source; None for the exchange itself."""
        if self.endpoint is None and self.embedded_exchange is not None:
            path = embedded_path(
                exchange, symbol, played=self.embedded_exchange.plays(exchange, symbol)
            )
            return f"http://127.0.0.1:{self.embedded_exchange.port}{path}"
        return self.endpoint

    def proxy_programs(self) -> dict[str, ProxySettings]:
        """Return the endpoints of each proxy that runs, by the name of its program."""
        programs = {"proxy": self.proxy, "proxy-2": self.proxy_2}
        return dict(list(programs.items())[: self.proxies])

    def fan_outs(self) -> dict[str, str]:
        """Return the subscribers' endpoint of each proxy that runs, by its program's name."""
        return {name: proxy.subscribers for name, proxy in self.proxy_programs().items()}

    def history_endpoints(self) -> dict[str, str]:
        """Return the history of each proxy that runs, by its endpoint for subscribers."""
        return {proxy.subscribers: proxy.history for proxy in self.proxy_programs().values()}

    def feeds(self) -> tuple[Feed, ...]:
        """Return one feed for each symbol, in the order of the file."""
        return tuple(self._feed(entry) for entry in self.symbols)

    def select(self, name: str) -> tuple[Feed, ...]:
        """Return the feeds with a program name or a symbol, on any exchange.

        Raises ConfigError if there is none.
        """
        feeds = self.feeds()
        found = tuple(
            feed
            for feed in feeds
            if feed.name == name or feed.symbol == unified_symbol(feed.exchange, name)
        )
        if not found:
            known = [feed.symbol for feed in feeds]
            if len(known) > NAMED:
                near = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.3)
                known = [*(near or known[:3]), f"{len(feeds) - len(near or known[:3])} more"]
            raise ConfigError(f"no feed is {name}; the configuration has {', '.join(known)}")
        return found

    def reserved_ports(self) -> frozenset[int]:
        """Return the ports that no symbol may take."""
        ports = {
            int(match[1])
            for proxy in self.proxy_programs().values()
            for endpoint in (proxy.subscribers, proxy.workers, proxy.history)
            if (match := re.fullmatch(r"tcp://.*:(\d+)", endpoint))
        }
        if self.embedded_exchange is not None:
            ports.add(self.embedded_exchange.port)
        if self.gateway_settings is not None:
            ports.add(self.gateway_settings.port)
        return frozenset(ports)

    def _feed(self, entry: str | SymbolEntry) -> Feed:
        if isinstance(entry, str):
            entry = SymbolEntry(symbol=entry)
        exchange = entry.exchange or self.exchange
        symbol = unified_symbol(exchange, entry.symbol)
        return Feed(
            name=program_name(exchange, symbol),
            exchange=exchange,
            source=entry.source or self.source,
            symbol=symbol,
            port=entry.port,
            channels=entry.channels or self.channels,
        )
