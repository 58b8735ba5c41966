"""The `feedd` command: everything that a person does by hand."""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from feedd.cli import audit as audit_command
from feedd.cli import conformance as conformance_command
from feedd.cli import export as tables_command
from feedd.cli import import_ as importing_command
from feedd.cli import init as init_command
from feedd.cli import inspect as inspect_command
from feedd.cli import record as record_command
from feedd.cli import replay as replay_command
from feedd.config import ports
from feedd.config.edit import add_symbol
from feedd.config.environment import config_path, credentials, read_environment
from feedd.config.load import load_config, parse_config, read_config_text
from feedd.config.settings import SymbolEntry
from feedd.errors import ConfigError, FeeddError, FinalError
from feedd.operation import changes, demo, health, show, table
from feedd.operation.follow import Follower, processes
from feedd.operation.startup import start, wait_until_healthy, wait_until_live
from feedd.recordings.replay import symbols as replay_symbols
from feedd.runtime import locks, secrets
from feedd.runtime.logs.lines import readable
from feedd.sources import exchanges
from feedd.supervision import render
from feedd.supervision.daemon import Daemon
from feedd.supervision.project import project_root
from feedd.topics import unified_symbol
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.config.settings import Config, Feed
    from feedd.runtime.logs.lines import Line

TAIL_IDLE_S = 1.0
TOP_EVERY_S = 1.0
LOGS_EVERY_S = 0.25
ANSWER_S = 1.0  # for supervisord; a look should not take long


def main() -> int:
    """Run the command; return its exit code."""
    arguments = _parser().parse_args()
    if arguments.config is not None:
        arguments.config = str(Path(arguments.config).resolve())
    try:
        if getattr(arguments, "needs_project", True):
            os.chdir(project_root())  # what a configuration names is relative to it
        code: int = arguments.run(arguments)
    except FinalError as error:
        print(f"feedd: {secrets.blank(str(error))}", file=sys.stderr)
        return error.exit_code
    except FeeddError as error:
        print(f"feedd: {secrets.blank(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if arguments.run in {_start, _stop, _restart, _add, _remove}:
            print("\ninterrupted; what runs goes on: feedd status shows it, make stop ends it")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="feedd", description=__doc__)
    parser.add_argument("--config", help="default: FEEDD_CONFIG, what runs, config/feedd.yaml")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("start", help="start, or take in a changed configuration").set_defaults(
        run=_start
    )
    commands.add_parser("stop", help="stop everything").set_defaults(run=_stop)
    restart = commands.add_parser("restart", help="restart all feeds, or some")
    restart.add_argument("symbols", nargs="*", metavar="SYMBOL", help="e.g. BTC/USDT")
    restart.set_defaults(run=_restart)
    add = commands.add_parser("add", help="add a symbol to the configuration, and start it")
    add.add_argument("symbol", metavar="SYMBOL", help="e.g. BTC/USDT")
    add.add_argument("--exchange", help="default: the configuration's")
    add.add_argument("--port", type=int, help="default: the next free one")
    add.add_argument("--channels", help="e.g. ticker,quote; default: the configuration's")
    add.set_defaults(run=_add)
    remove = commands.add_parser("remove", help="remove a symbol from it, and stop it")
    remove.add_argument("symbol", metavar="SYMBOL", help="or program, e.g. BTC/USDT")
    remove.add_argument("--exchange", help="where the symbol is on several")
    remove.set_defaults(run=_remove)
    status = commands.add_parser("status", help="0: healthy, 1: degraded, 2: down")
    status.add_argument("--json", action="store_true", help="for machines")
    status.set_defaults(run=_status)
    commands.add_parser("top", help="the same, again and again, until Ctrl-C").set_defaults(
        run=_top
    )
    tail = commands.add_parser("tail", help="print messages from the fan-out endpoint")
    tail.add_argument("prefixes", nargs="*", default=[""], help="of topics, e.g. ticker.")
    audit_command.add_recording(tail)
    tail.set_defaults(run=_tail)
    audit_command.add_audit(commands)
    record_command.add_record(commands).set_defaults(run=_record)
    conformance_command.add_conformance(commands)
    tables_command.add_export(commands)
    importing_command.add_import(commands)
    inspect_command.add_inspect(commands)
    replay_command.add_replay(commands)
    logs = commands.add_parser("logs", help="show the logs of all processes, and follow them")
    logs.add_argument(
        "names", nargs="*", metavar="PROCESS_OR_SYMBOL", help="only those, e.g. proxy or BTC/USDT"
    )
    logs.add_argument("--lines", type=_count, default=20, metavar="N", help="at first (20)")
    logs.add_argument(
        "--no-follow", dest="follow", action="store_false", help="end after the last lines"
    )
    logs.set_defaults(run=_logs)
    commands.add_parser("demo", help="show everything on the embedded exchange").set_defaults(
        run=lambda arguments: demo.run_demo(arguments.config and Path(arguments.config)),
        needs_project=False,
    )
    init_command.add_init(commands)
    commands.add_parser("render", help="write supervisord's programs").set_defaults(run=_render)
    check = commands.add_parser("config", help="check the configuration")
    check.add_argument(
        "what", choices=["check", "embedded"], help="embedded: exit 0 if it has such an exchange"
    )
    check.set_defaults(run=_config)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)


def _settings(arguments: argparse.Namespace, *, running: bool = True) -> tuple[Config, Path]:
    """Return the configuration meant: the one given, else the one that runs, else the default."""
    env = read_environment()
    given = arguments.config or env.get("FEEDD_CONFIG")
    if running:
        root = project_root()
        rendered = render.rendered_from(root)
        if rendered is not None and Daemon(root, ANSWER_S).runs:
            if given is not None and Path(given).resolve() != rendered:
                raise ConfigError(f"feedd runs here on {rendered}; stop it first: make stop")
            given = str(rendered)
    path = config_path(given, env)
    settings = load_config(path)
    for feed in settings.feeds():
        if feed.source != "replay":
            exchanges.check(feed.exchange)
    return settings, path


def _check_channels(settings: Config, feeds: Iterable[Feed]) -> None:
    """Refuse a channel that an exchange lacks, and a symbol that a recording lacks.

    ccxt is imported here: it takes a while.
    """
    feeds = list(feeds)
    replay_symbols.check(settings, feeds)
    live = [feed for feed in feeds if feed.source != "replay"]
    if not live:
        return
    from feedd.sources.ccxt import exchange_class as ccxt_exchange  # noqa: PLC0415

    for feed in live:
        needed = feed.channels
        if "ticker" in needed and settings.bid_ask in {"quote", "book"}:
            needed = (*needed, settings.bid_ask)
        ccxt_exchange.check_channels(
            feed.exchange, ccxt_exchange.has(feed.exchange), feed.symbol, needed
        )


def _start(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments)
    _check_channels(settings, settings.feeds())
    start(path, project_root(), _say)
    return 0


def _add(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments)
    exchange = arguments.exchange or settings.exchange
    if settings.source != "replay":
        exchanges.check(exchange)
    channels = arguments.channels and [one.strip() for one in arguments.channels.split(",")]
    entry = SymbolEntry(
        symbol=unified_symbol(exchange, arguments.symbol),
        exchange=None if exchange == settings.exchange else exchange,
        port=arguments.port,
        channels=tuple(channels) if channels else None,
    )
    meant = parse_config(add_symbol(read_config_text(path), path, entry), path)
    _check_channels(meant, meant.feeds()[-1:])
    changes.add(entry, path, project_root(), _say)
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    _, path = _settings(arguments)
    changes.remove(arguments.symbol, arguments.exchange, path, project_root(), _say)
    return 0


def _stop(_arguments: argparse.Namespace) -> int:
    root = project_root()
    daemon = Daemon(root)
    if daemon.pid is None:
        print("feedd does not run here")
        return 0
    with locks.command(root):
        daemon.shutdown()
    print("stopped")
    return 0


def _restart(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments)
    daemon = Daemon(project_root())
    if daemon.pid is None and not arguments.symbols:
        return _start(arguments)
    if daemon.pid is None:
        raise ConfigError("feedd does not run here; make start starts it")
    names = [feed.name for symbol in arguments.symbols for feed in settings.select(symbol)]
    names = names or [feed.name for feed in settings.feeds()]
    with locks.command(daemon.root):
        unknown = set(names) - daemon.processes().keys()
        if unknown:
            raise ConfigError(f"{', '.join(sorted(unknown))} is not started yet; run make start")
        daemon.stop(names)
        daemon.start(names)
    print(f"restarted {', '.join(names)}")
    given = ports.assign(settings, path)
    if not arguments.symbols:
        wait_until_healthy(settings, daemon, given, _say)
        return 0
    for name in names:
        wait_until_live(settings, daemon, given, name, _say)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments)
    given = ports.assign(settings, path, remember=False)
    report = health.look(settings, Daemon(project_root(), ANSWER_S), given)
    if arguments.json:
        print(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2).decode())
    else:
        print(table.health_table(report, colours=table.wants_colours(sys.stdout)))
    return int(report.health)


def _top(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments)
    given = ports.assign(settings, path, remember=False)
    colours = table.wants_colours(sys.stdout)
    clear = "\x1b[H\x1b[J" if sys.stdout.isatty() else ""
    with health.Look(settings, Daemon(project_root(), ANSWER_S), given) as looking:
        while True:
            report = looking.report()
            print(clear + table.health_table(report, colours=colours), flush=True)
            if not report.processes:
                return int(report.health)
            time.sleep(TOP_EVERY_S)


def _tail(arguments: argparse.Namespace) -> int:
    settings, _ = _settings(arguments)
    if arguments.json or arguments.plain:
        return audit_command.record(settings, arguments.prefixes, plain=arguments.plain)
    with Subscriber(settings.proxy.subscribers, arguments.prefixes) as subscriber:
        while True:
            message = subscriber.receive(TAIL_IDLE_S)
            if message is not None:
                print(show.message_line(*message), flush=True)


def _record(arguments: argparse.Namespace) -> int:
    settings, _ = _settings(arguments)
    return record_command.record(settings, arguments.prefixes, arguments.dir)


def _logs(arguments: argparse.Namespace) -> int:
    settings = None
    try:
        settings = _settings(arguments)[0]
    except ConfigError as error:
        # A broken configuration is when logs are wanted most.
        print(f"feedd: {secrets.blank(str(error))}", file=sys.stderr)
    log_dir = Path(settings.log_dir if settings is not None else "logs")
    folders = [log_dir, Path("logs")]  # supervisord's own stands in the latter
    follower = Follower(folders, processes(arguments.names, folders, settings))
    _print_log(follower.last(arguments.lines))
    if follower.empty:
        raise ConfigError(f"{log_dir}: there are no logs yet; `make start` makes some")
    while arguments.follow:
        _print_log(follower.poll())
        if not follower.behind:
            _wait_for_logs()
    return 0


def _print_log(lines: Iterable[Line]) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        print(secrets.blank(readable(line, coloured=coloured)))
    sys.stdout.flush()


def _wait_for_logs() -> None:
    """Wait a little; raise BrokenPipeError at once when nobody reads what is printed."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    if output.poll(LOGS_EVERY_S * 1000):
        raise BrokenPipeError


def _render(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments, running=False)
    root = project_root()
    render.write(render.render(settings, path, root, ports.assign(settings, path)), root)
    print(f"wrote {render.INCLUDE} from {path}")
    return 0


def _config(arguments: argparse.Namespace) -> int:
    settings, path = _settings(arguments, running=False)
    if arguments.what == "embedded":
        return 0 if settings.embedded_exchange is not None else 1
    _check_channels(settings, settings.feeds())
    given = ports.assign(settings, path, remember=False)
    for feed in settings.feeds():
        credentials(feed.exchange, read_environment())
        print(f"{feed.name}  port {given[feed.name]}  {', '.join(feed.channels)}")
    print(f"{path}: {len(given)} feeds, nothing wrong")
    return 0


def _say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
