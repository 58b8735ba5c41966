"""Check before a start that no other process holds an address that feedd is about to bind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from feedd.supervision.project import CONF
from feedd.transport.endpoints import holder_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from feedd.config.settings import Config
    from feedd.runtime.address_holders import Holder

NAMED = 3  # holders that the error names


class BoundAddress(NamedTuple):
    """An address, and the key of the configuration that changes it."""

    endpoint: str
    key: str


def addresses_of(config: Config, ports: dict[str, int]) -> Iterator[BoundAddress]:
    """Yield every address that the processes of a configuration bind."""
    for name, proxy in config.proxy_programs().items():
        section = name.replace("-", "_")
        yield BoundAddress(proxy.subscribers, f"{section}.subscribers")
        yield BoundAddress(proxy.workers, f"{section}.workers")
        yield BoundAddress(proxy.history, f"{section}.history")
    if config.embedded_exchange is not None:
        port = config.embedded_exchange.port
        yield BoundAddress(f"tcp://127.0.0.1:{port}", "embedded_exchange.port")
    if (gateway := config.gateway_settings) is not None:
        host = gateway.url.removeprefix("http://")
        yield BoundAddress(f"tcp://{host}", "gateway.port")
    for feed in config.feeds():
        key = "base_port" if feed.port is None else f"the port of {feed.symbol}"
        yield BoundAddress(f"tcp://127.0.0.1:{ports[feed.name]}", key)


def held_by_others(addresses: Iterable[BoundAddress], ours: Collection[int]) -> str | None:
    """Return one line on the addresses that processes other than `ours` hold; None without any.

    It names each holder once, with one of its addresses.
    """
    held: dict[Holder, list[BoundAddress]] = {}
    for address in addresses:
        holder = holder_at(address.endpoint)
        if holder is not None and holder.pid not in ours:
            held.setdefault(holder, []).append(address)
    if not held:
        return None
    lines = [f"{_shown(those)} held by {holder.text}" for holder, those in held.items()]
    more = len(lines) - NAMED
    if more > 0:
        hold = "process holds" if more == 1 else "processes hold"
        lines = [*lines[:NAMED], f"{more} more {hold} addresses, too"]
    keys = dict.fromkeys(one.key for those in held.values() for one in those)
    return f"{'; '.join(lines)}; {_remedy(list(held))}, or set {_some(list(keys))}"


def _remedy(holders: list[Holder]) -> str:
    """Return how to stop the holders: by `feedd stop` where all are in one project's folder."""
    folders = {holder.folder for holder in holders}
    folder = folders.pop() if len(folders) == 1 else None
    if folder is None or not Path(folder, CONF).is_file():
        return "stop what holds them"
    where = "" if Path(folder) == Path.cwd() else f" in {folder}"
    return f"stop what holds them (what is feedd's, with feedd stop --all{where})"


def _shown(addresses: list[BoundAddress]) -> str:
    """Return the first address, and how many more there are, with the verb."""
    more = len(addresses) - 1
    return f"{addresses[0].endpoint}{f' and {more} more are' if more else ' is'}"


def _some(keys: list[str]) -> str:
    shown = keys[:NAMED] + (["…"] if len(keys) > NAMED else [])
    return ", ".join(shown)
