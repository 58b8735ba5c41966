"""Add or remove a symbol without restarting the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from feedd.config import ports
from feedd.config.applied import Applied, read_applied, resolved
from feedd.config.edit import add_symbol, remove_symbol
from feedd.config.load import load_config, parse_config, read_config_text
from feedd.errors import ConfigError, FeeddError
from feedd.operation.active_config import refuse_another
from feedd.operation.address_check import BoundAddress, held_by_others
from feedd.operation.reach import subscribe_text
from feedd.operation.startup import EndedError, StartError, wait_until_live
from feedd.runtime import locks
from feedd.runtime.files import replace_user_file
from feedd.runtime.locks import BusyError
from feedd.supervision import render
from feedd.supervision.daemon import Daemon, DaemonError

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.config.settings import Config, Feed, SymbolEntry
    from feedd.operation.progress import PrintLine


def add(entry: SymbolEntry, path: Path, root: Path, print_line: PrintLine) -> None:
    """Add a symbol to the configuration and start it; return when it is live.

    Raises StartError if it is not live. The addition is undone if the worker has exited for good; a
    worker that is only not live in time stays, and keeps trying.
    """
    daemon = Daemon(root)
    with locks.command_lock(root):
        refuse_another(path, daemon)
        before = read_config_text(path)
        after = add_symbol(before, path, entry)
        settings = parse_config(after, path)
        feed = settings.feeds()[-1]
        had_port = feed.name in ports.given(settings, path)
        given = ports.assign(settings, path, remember=False)  # refuses before anything is written
        if daemon.pid is not None:
            _refuse_held_port(feed, given[feed.name])
        replace_user_file(path, after)
        if daemon.pid is None:
            print_line(
                f"added {feed.symbol} to {path}; feedd is not running here, feedd start starts it"
            )
            return
        try:
            running = _apply(settings, path, daemon, feed)
        except FeeddError as error:
            outcome = _take_back(feed, before, after, path, daemon, had_port=had_port)
            raise StartError(f"{feed.symbol} was not added: {error}; {outcome}") from None
    print_line(f"added {feed.symbol} to {path}; started {feed.name} on port {given[feed.name]}")
    try:
        wait_until_live(running, daemon, given, feed.name, print_line)
    except EndedError as error:
        try:
            with locks.command_lock(root):
                outcome = _take_back(feed, before, after, path, daemon, had_port=had_port)
        except BusyError as busy:
            outcome = f"it is still in {path}: {busy}"
        raise StartError(f"{feed.symbol} was not added: {error}; {outcome}") from None
    except StartError as error:
        if feed not in load_config(path).feeds():  # it was removed meanwhile
            raise
        raise StartError(
            f"{error}. {feed.symbol} stays in {path}; feedd remove {feed.name} removes it"
        ) from None
    print_line(
        f"{feed.symbol} is live; subscribe to {subscribe_text(running)} "
        f"or tcp://127.0.0.1:{given[feed.name]}"
    )


def remove(name: str, exchange: str | None, path: Path, root: Path, print_line: PrintLine) -> None:
    """Remove the symbol or program of a name from the configuration and stop it."""
    daemon = Daemon(root)
    with locks.command_lock(root):
        refuse_another(path, daemon)
        before = read_config_text(path)
        settings = parse_config(before, path)
        feed = _one(settings, name, exchange)
        after = remove_symbol(before, path, feed.name)
        port = ports.assign(settings, path)[feed.name]
        replace_user_file(path, after)
        outcome = f"removed {feed.symbol} from {path}"
        if daemon.pid is not None:
            try:
                _apply(parse_config(after, path), path, daemon, feed)
            except DaemonError as error:
                raise DaemonError(f"{outcome}, but: {error}; feedd start tries again") from None
            outcome += f"; stopped {feed.name}"
    print_line(f"{outcome}. Port {port} stays reserved for it")


def _refuse_held_port(feed: Feed, port: int) -> None:
    """Raise StartError if another process holds the port of a new feed."""
    held = held_by_others([BoundAddress(f"tcp://127.0.0.1:{port}", "another --port")], ())
    if held is not None:
        raise StartError(f"{feed.symbol} was not added: {held}")


def _one(settings: Config, name: str, exchange: str | None) -> Feed:
    """Return the one feed that a name selects; raise ConfigError for none, or for several."""
    found = [
        feed for feed in settings.select(name) if exchange is None or feed.exchange == exchange
    ]
    if not found:
        known = ", ".join(feed.name for feed in settings.feeds())
        raise ConfigError(f"no feed is {name} on {exchange}; the configuration has {known}")
    if len(found) > 1:
        names = " or ".join(feed.name for feed in found)
        raise ConfigError(f"{name} may be {names}; name one of these, or give --exchange")
    return found[0]


def _apply(settings: Config, path: Path, daemon: Daemon, feed: Feed) -> Config:
    """Make supervisord apply one feed's change, and no other change in the file.

    Returns the configuration that runs then.
    """
    wanted = resolved(settings, ports.assign(settings, path))
    before = read_applied(daemon.root)
    running = wanted if before is None else with_feed_of(wanted, before.config, feed.name)
    render.write(running, path, daemon.root, Applied(running, path).ports)
    daemon.apply({feed.name})
    return running


def with_feed_of(wanted: Config, running: Config, name: str) -> Config:
    """Return what runs with one feed as in `wanted`: changed, added or removed."""
    kept = [
        one for one in zip(running.feeds(), running.symbols, strict=True) if one[0].name != name
    ]
    new = [one for one in zip(wanted.feeds(), wanted.symbols, strict=True) if one[0].name == name]
    return msgspec.structs.replace(running, symbols=tuple(entry for _, entry in (*kept, *new)))


def _take_back(
    feed: Feed, before: str, after: str, path: Path, daemon: Daemon, *, had_port: bool
) -> str:
    """Undo an addition and keep what others wrote; return a sentence on the file's state."""
    try:
        text, outcome = before, f"{path} is unchanged"
        now = read_config_text(path)
        if now != after:
            outcome = f"{path} was changed meanwhile, and only {feed.symbol} was removed from it"
            feeds = parse_config(now, path).feeds()
            if feed in feeds:
                text = remove_symbol(now, path, feed.name)
            elif feed.name in {other.name for other in feeds}:
                raise ConfigError(f"{feed.symbol} has other settings in it now")
            else:
                text = now
        settings = parse_config(text, path)
        if text != now:
            replace_user_file(path, text)
    except ConfigError as error:
        return f"{path} was changed meanwhile and was not edited: {error}"
    try:
        if not had_port:
            ports.forget(settings, path, feed.name)
        _apply(settings, path, daemon, feed)
    except FeeddError as error:
        return f"{outcome}, but {feed.name} could not be removed: {error}"
    return outcome
