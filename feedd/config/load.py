"""Load and check the configuration; each error names the file, the line and the key."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import yaml

from feedd.channels import CHANNEL_NAMES
from feedd.config import faults as fault_table
from feedd.config import network
from feedd.config import replay as replay_settings
from feedd.config.faults import Fault
from feedd.config.replay import Replay
from feedd.config.settings import (
    Config,
    EmbeddedExchange,
    ProxySettings,
    RecorderSettings,
    SymbolEntry,
)
from feedd.errors import ConfigError
from feedd.venues.registry import EMBEDDED, NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_PATH = Path("config/feedd.yaml")

# libyaml's if PyYAML was built with it: every worker reads the file, and with a hundred symbols
# the Python loader takes as long as all of a worker's imports.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None


def parse_config(text: str, path: Path) -> Config:
    """Return the configuration in a text; errors name `path`."""
    return _Document(path, text).config()


def place_of(path: Path, *keys: str | int) -> str:
    """Return where a file sets a key, as `file:line: key`; the line is missing for a default."""
    return _Document(path, read_config_text(path)).place(list(keys))


def place_of_feed(path: Path, index: int, key: str) -> str:
    """Return where a file sets a key of a symbol: in its entry, else for all symbols."""
    document = _Document(path, read_config_text(path))
    return document.place(document.keys_of_feed(index, key))


class _Document:
    """A YAML text with the line of each key."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        try:
            loader = _Loader(text)
            self._root = loader.get_single_node()
            if self._root is not None:
                self._refuse_duplicate_keys(self._root)
            self._data = None if self._root is None else loader.construct_document(self._root)
            self._keep_times_as_written()
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: not valid YAML: {error}") from None

    def config(self) -> Config:
        """Return the configuration; raise ConfigError if it is invalid."""
        if not isinstance(self._data, dict):
            raise ConfigError(
                f"{self._path}: is empty or no map of keys; it needs at least `symbols:`"
            )
        try:
            config = msgspec.convert(self._data, Config)
        except msgspec.ValidationError as error:
            raise self._explain(str(error)) from None
        self._check(config)
        return config

    def _explain(self, message: str) -> ConfigError:
        """Convert msgspec's `… - at `$.symbols[1].port`` to an error with line and key."""
        what, _, where = message.partition(" - at ")
        path: list[str | int] = [
            int(index) if index else key
            for key, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", where)
        ]
        if unknown := re.match(r"Object contains unknown field `(.*)`", what):
            path.append(unknown[1])
            what = f"unknown key{_hint(unknown[1], KEYS)}"
        elif path[:1] == ["replay"] and "matching regex" in what:
            what = replay_settings.NO_TIME
        elif wrong := re.match(r"Invalid enum value '(.*)'", what):
            choices = next((CHOICES[key] for key in reversed(path) if key in CHOICES), ())
            what = f"{wrong[1]!r} is not one of {', '.join(choices)}"
        return self._error(path, what)

    def _error(self, path: list[str | int], what: str) -> ConfigError:
        line, key_text = self._line(path) or 1, _key_text(path)
        return ConfigError(f"{self._path}:{line}: {key_text}: {what}".replace(": :", ":"))

    def place(self, path: list[str | int]) -> str:
        """Return `file:line: key` of a key, or `file: key` where the text does not have it."""
        line = self._line(path)
        where = f"{self._path}" if line is None else f"{self._path}:{line}"
        return f"{where}: {_key_text(path)}"

    def keys_of_feed(self, index: int, key: str) -> list[str | int]:
        """Return the path of a symbol's key, or of the key for all symbols if it has none."""
        data = self._data or {}
        entry = data["symbols"][index]
        if isinstance(entry, dict) and key in entry:
            return ["symbols", index, key]
        return [key] if key in data else ["symbols", index]

    def _line(self, path: list[str | int]) -> int | None:
        """Return the line of the last key of a path that the text has; None without the first."""
        node, line = self._root, None
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == step]
                if not found:
                    break
                key, node = found[0]
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line

    def _keep_times_as_written(self) -> None:
        """Restore times as text: YAML reads 13:00 as the number 780, and a date as an object."""
        replay = self._data.get("replay") if isinstance(self._data, dict) else None
        if self._root is None or not isinstance(replay, dict):
            return
        section = next(value for key, value in self._root.value if key.value == "replay")
        for key, value in section.value:
            if key.value in replay_settings.TIMES and isinstance(value, yaml.ScalarNode):
                replay[key.value] = None if replay[key.value] is None else value.value

    def _refuse_duplicate_keys(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.SequenceNode):
            for child in node.value:
                self._refuse_duplicate_keys(child)
        elif isinstance(node, yaml.MappingNode):
            counts = Counter(key.value for key, _ in node.value if isinstance(key.value, str))
            for key, child in node.value:
                if isinstance(key.value, str) and counts[key.value] > 1:
                    raise ConfigError(
                        f"{self._path}:{key.start_mark.line + 1}: {key.value}: appears twice"
                    )
                self._refuse_duplicate_keys(child)

    def _check(self, config: Config) -> None:
        """Reject values that are well formed and impossible."""
        if not config.symbols:
            raise self._error(["symbols"], "is empty; name at least one, e.g. BTC/USDT:USDT")
        if config.endpoint is not None and (unfit := _unfit_url(config.endpoint)) is not None:
            raise self._error(["endpoint"], unfit)
        self._check_network(config)
        self._check_proxies(config)
        for key in ("speed", "rate", "clock_scale"):
            if not math.isfinite(getattr(config.embedded_exchange, key, 0.0)):
                raise self._error(["embedded_exchange", key], "must be a finite number")
        embedded = config.embedded_exchange
        for index, fault in enumerate(() if embedded is None else embedded.faults):
            if (unfit := fault_table.check(fault)) is not None:
                raise self._error(["embedded_exchange", "faults", index], unfit)
        self._check_channels(config.channels, ["channels"])
        self._check_recorder(config.recorder)
        self._check_symbols(config)
        self._check_sources(config)
        self._check_replay(config)

    def _check_network(self, config: Config) -> None:
        if config.proxy_url is not None:
            try:
                network.parse_proxy(config.proxy_url, network.SETTING)
            except ConfigError as error:
                key, _, what = str(error).partition(": ")
                raise self._error([key], what) from None
        given = () if config.no_proxy is None else network.no_proxy_entries(config.no_proxy)
        for entry in given:
            if (unfit := network.check_no_proxy(entry)) is not None:
                raise self._error(["no_proxy"], unfit)
        if config.ca_file is not None and (unfit := network.check_ca_file(config.ca_file)):
            raise self._error(["ca_file"], unfit)

    def _check_recorder(self, recorder: RecorderSettings | None) -> None:
        if recorder is None:
            if isinstance(self._data, dict) and "recorder" in self._data:
                raise self._error(["recorder"], "is empty; `recorder: {}` records with defaults")
            return
        if not recorder.topics:
            raise self._error(["recorder", "topics"], "is empty; [''] records everything")
        for index, prefix in enumerate(recorder.topics):
            if not prefix.isascii():
                raise self._error(["recorder", "topics", index], f"{prefix!r} is not ASCII")

    def _check_proxies(self, config: Config) -> None:
        taken: dict[str, str] = {}
        for name, proxy in zip(
            ("proxy", "proxy_2"), config.proxy_programs().values(), strict=False
        ):
            for key in ("subscribers", "workers", "history"):
                endpoint = getattr(proxy, key)
                if not re.match(r"(tcp|ipc)://.+", endpoint):
                    raise self._error([name, key], "must look like tcp://127.0.0.1:5500")
                if endpoint in taken:
                    raise self._error(
                        [name, key],
                        f"{endpoint} is already the endpoint of {taken[endpoint]}; choose another",
                    )
                taken[endpoint] = f"{name}.{key}"

    def _check_channels(self, channels: tuple[str, ...], path: list[str | int]) -> None:
        if not channels:
            raise self._error(path, "is empty; name at least one of " + ", ".join(CHANNEL_NAMES))
        for channel in channels:
            if channels.count(channel) > 1:
                raise self._error(path, f"{channel} appears twice")

    def _check_sources(self, config: Config) -> None:
        feeds = config.feeds()
        embedded = config.embedded_exchange is not None and config.endpoint is None
        for index, feed in enumerate(feeds):
            if embedded and feed.source != "replay" and feed.exchange not in EMBEDDED:
                raise self._error(
                    self.keys_of_feed(index, "exchange"),
                    f"the embedded exchange serves {', '.join(EMBEDDED)}, and not {feed.exchange}",
                )
            if feed.source == "native" and feed.exchange not in NATIVE:
                raise self._error(
                    self.keys_of_feed(index, "source"),
                    f"native serves {' and '.join(NATIVE)}, and symbols[{index}] is on "
                    f"{feed.exchange}; use ccxt for it",
                )
        native = any(feed.source == "native" for feed in feeds)
        if config.compression and not native:
            raise self._error(["compression"], "is for source: native; ccxt always offers it")
        if config.connections > 1 and not native:
            raise self._error(["connections"], "is for source: native; ccxt has one connection")

    def _check_replay(self, config: Config) -> None:
        replay = config.replay
        for index, feed in enumerate(config.feeds()):
            if feed.source == "replay" and replay is None:
                raise self._error(self.keys_of_feed(index, "source"), replay_settings.MISSING)
        sources = [feed.source for feed in config.feeds()]
        if replay is not None and (unfit := replay_settings.check(replay, sources)) is not None:
            raise self._error(["replay", unfit[0]], unfit[1])

    def _check_symbols(self, config: Config) -> None:
        names: dict[str, int] = {}
        ports: dict[int, int] = {}
        reserved = config.reserved_ports()
        for index, (entry, feed) in enumerate(zip(config.symbols, config.feeds(), strict=True)):
            where: list[str | int] = ["symbols", index]
            if not re.fullmatch(r"[\x21-\x7e]+", feed.symbol):
                raise self._error(where, f"{feed.symbol!r} is not a symbol like BTC/USDT:USDT")
            if not re.fullmatch(r"[a-z0-9]+", feed.exchange):
                raise self._error(
                    self.keys_of_feed(index, "exchange"),
                    f"{feed.exchange!r} is not an exchange of ccxt.pro",
                )
            if isinstance(entry, SymbolEntry) and entry.channels is not None:
                self._check_channels(entry.channels, [*where, "channels"])
            if feed.name in names:
                other = names[feed.name]
                raise self._error(
                    where, f"{feed.name} is already symbols[{other}]; remove one of them"
                )
            names[feed.name] = index
            if feed.port is None:
                continue
            if feed.port in ports:
                other = ports[feed.port]
                raise self._error([*where, "port"], f"{feed.port} is symbols[{other}]'s already")
            if feed.port in reserved:
                raise self._error(
                    [*where, "port"], f"{feed.port} is the proxy's or the embedded exchange's"
                )
            ports[feed.port] = index


KEYS = frozenset(
    field.encode_name
    for struct in (
        Config,
        SymbolEntry,
        ProxySettings,
        EmbeddedExchange,
        RecorderSettings,
        Replay,
        Fault,
    )
    for field in msgspec.structs.fields(struct)
)
CHOICES: dict[str | int, tuple[str, ...]] = {
    **fault_table.CHOICES,
    "channels": CHANNEL_NAMES,
    "source": ("ccxt", "native", "replay"),
    "timestamps": ("recorded", "now"),
    "bid_ask": ("book", "quote", "estimate", "none"),
}


def _unfit_url(url: str) -> str | None:
    """Return why a text is not the URL of an exchange, or None."""
    form = "must look like http://127.0.0.1:8765 or https://exchange.example.com"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        number = "; its port is no number from 1 to 65535"
        return form + (number if "port" in str(error).lower() else "")
    if parts.scheme not in {"http", "https"}:
        return form if not parts.scheme or host is None else f"{form}, and not {parts.scheme}://"
    if not host or not re.fullmatch(r"[^\s/?#@\\]+", host) or port == 0:
        return form
    if parts.query or parts.fragment:
        return f"{form}, without ? and #"
    return None


def _key_text(path: list[str | int]) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path).lstrip(".")


def _hint(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; is it {close[0]}?" if close else ""
