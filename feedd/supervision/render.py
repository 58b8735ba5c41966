"""supervisord's programs for a configuration: the text, and the file that holds it."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.config.applied import resolved, write_applied
from feedd.errors import FINAL_EXIT_CODES, ConfigError
from feedd.runtime.files import make_run_dir, write_atomically
from feedd.runtime.owners import why_refused
from feedd.runtime.process import DAEMON_PID_FILE, START_SECS
from feedd.supervision.folder_processes import whose
from feedd.supervision.project import worker_script
from feedd.supervision.project_paths import (
    HERE,
    check_path,
    check_root,
    command_text,
    log_file_text,
)
from feedd.venues.checks import checks, compares_books
from feedd.venues.registry import venue

if TYPE_CHECKING:
    from feedd.config.settings import Config

INCLUDE = Path("run/supervisor.d/feedd.conf")
PID_FILE = Path("run/supervisord.pid")
MARK = "; config: "

PROXY = "proxy"
PROXIES = (PROXY, "proxy-2")
EXCHANGE = "exchange"
RECORDER = "recorder"
GATEWAY = "gateway"
FEED_WORKERS = {"ccxt": "feed", "native": "feed", "replay": "replay"}  # scripts, by source
WATCHDOG = "watchdog"
LOSSLESS = "--lossless"  # of a proxy
APPLIED = "--applied"  # of every worker
# Programs started first are stopped last: so subscribers receive every worker's last status.
PRIORITIES = {WATCHDOG: 50, **dict.fromkeys(PROXIES, 100), RECORDER: 150, GATEWAY: 160,
              EXCHANGE: 200}  # fmt: skip
FEED_PRIORITY = 300
# The default buffer of ten drops the oldest event when the listener is slow.
EVENTS = {
    "events": "TICK_5,PROCESS_STATE_STARTING,PROCESS_STATE_RUNNING,"
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "buffer_size": "1000",
}
STOP_WAIT_S = 3  # then SIGKILL; a worker ends in a fraction of a second


def render(config: Config, config_path: Path, root: Path, ports: dict[str, int]) -> str:
    """Return the include file: one program per process, each in its own group.

    Each contains a digest of its settings, so that supervisord sees which programs a new
    configuration changes, and leaves the others alone. Raises ConfigError for a path that
    supervisord can't read.
    """
    check_path(config_path.resolve(), "the configuration's path", "rename it")
    proxies = {name: msgspec.to_builtins(p) for name, p in config.proxy_programs().items()}
    shared = [config.source, config.bid_ask, config.book_depth, config.timeframe,
              *(proxy["workers"] for proxy in proxies.values()),
              config.proxy_url, config.no_proxy, config.ca_file, config.compression]  # fmt: skip
    # On the command line, not from the file: a proxy that was started for live feeds never waits.
    waits = [LOSSLESS] if config.lossless else []
    awake = ["awake"] if config.keep_cpus_awake else []
    realtime = ["realtime"] if config.realtime_proxies else []
    programs: list[tuple[str, list[str], Any]] = [
        (WATCHDOG, [WATCHDOG], [p["subscribers"] for p in proxies.values()]),
        *((name, [PROXY, name, *waits], [p, *awake, *realtime]) for name, p in proxies.items()),
    ]
    if config.recorder is not None:
        ends = [[proxy["subscribers"], proxy["history"]] for proxy in proxies.values()]
        made_from = [msgspec.to_builtins(config.recorder), ends]
        programs.append((RECORDER, [RECORDER], made_from))
    if config.gateway_settings is not None:
        settings = msgspec.to_builtins(config.gateway_settings)
        programs.append((GATEWAY, [GATEWAY], [settings, *proxies.values()]))
    if config.embedded_exchange is not None:
        settings = msgspec.to_builtins(config.embedded_exchange)
        programs.append((EXCHANGE, [EXCHANGE], settings))
    for feed in config.feeds():
        settings_of = msgspec.structs.replace(feed, port=None)  # its port is given in any case
        made_from = [msgspec.to_builtins(settings_of), ports[feed.name]]
        if feed.source == "replay":
            workers = [proxy["workers"] for proxy in proxies.values()]
            made_from += [msgspec.to_builtins(config.replay), workers, waits]
        else:
            made_from += [config.endpoint_of(feed.exchange, feed.symbol), shared]
            if feed.source == "ccxt" and compares_books(checks(venue(feed.exchange, feed.symbol))):
                made_from.append(config.compare_books_every_s)
        programs.append((feed.name, [FEED_WORKERS[feed.source], feed.name], made_from))
    log_dir = Path(root, config.log_dir)
    sections = [
        _program(
            name,
            [worker_script(root, worker), *words, "--config", str(config_path.resolve()), APPLIED],
            made_from,
            root,
            log_dir,
        )
        for name, (worker, *words), made_from in programs
    ]
    head = "; Written by `feedd render`: edit the configuration, not this file.\n"
    path = config_path.resolve()
    named = path.relative_to(root) if path.is_relative_to(root) else path  # root may be renamed
    return f"{head}{MARK}{named}\n\n" + "\n".join(sections)


def write(config: Config, config_path: Path, root: Path, ports: dict[str, int]) -> None:
    """Write the include file that supervisord.conf names, and the copy of the configuration.

    Makes the folders that they need.

    Raises ConfigError for a path that supervisord can't use, and for a folder that can't be made or
    written.
    """
    check_root(root)
    text = render(config, config_path, root, ports)
    _make_log_dir(Path(root, "logs"), "supervisord's logs", ["supervisord"])
    names = [*PRIORITIES, *(feed.name for feed in config.feeds())]
    _make_log_dir(Path(root, config.log_dir), "log_dir", names)
    make_run_dir(Path(root, "run"))
    write_applied(resolved(config, ports), config_path, root)
    # In the encoding of paths, which is the one in which supervisord reads the file.
    write_atomically(Path(root, INCLUDE), os.fsencode(text))


def _make_log_dir(path: Path, key: str, names: list[str]) -> None:
    """Make a folder for the logs of some programs: supervisord does not start without it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = why_refused(error, path)
        raise ConfigError(f"{key}: {path} can't be made: {reason}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise _not_writable(key, path)
    for log in (path / f"{name}{suffix}" for name in names for suffix in (".log", ".stderr")):
        if log.exists() and not os.access(log, os.W_OK):
            raise _not_writable(key, log)


def _not_writable(key: str, path: Path) -> ConfigError:
    reason = why_refused(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), path)
    return ConfigError(f"{key}: {path} can't be written: {reason}")


def rendered_from(root: Path) -> Path | None:
    """Return the path of the configuration that the include file was written from, if any."""
    try:
        lines = os.fsdecode(Path(root, INCLUDE).read_bytes()).split("\n")
    except FileNotFoundError:
        return None
    except PermissionError:
        raise ConfigError(whose(root)) from None
    marked = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    return Path(root, marked[0]) if marked else None


def _program(name: str, command: list[str], made_from: Any, root: Path, log_dir: Path) -> str:
    words = [sys.executable, *command, "--log-dir", str(log_dir)]
    codes = ",".join(str(code) for code in (0, *FINAL_EXIT_CODES))
    digest = hashlib.sha256(msgspec.json.encode(made_from)).hexdigest()[:16]
    settings = {
        "command": command_text(words),
        "directory": HERE,
        "priority": str(PRIORITIES.get(name, FEED_PRIORITY)),
        "environment": f'FEEDD_MADE_FROM="{digest}",{DAEMON_PID_FILE}="{PID_FILE}"',
        "startsecs": str(int(START_SECS)),
        "startretries": "5",
        "autorestart": "unexpected",
        "exitcodes": codes,
        "stopsignal": "TERM",
        "stopwaitsecs": str(STOP_WAIT_S),
    }
    log, kind = log_file_text(root, log_dir, f"{name}.stderr"), "program"
    if name == WATCHDOG:
        kind = "eventlistener"
        settings |= EVENTS
        # Its standard output carries the protocol; by default supervisord would log it.
        settings |= {"stdout_logfile": "NONE", **_log_settings("stderr", log)}
    else:
        settings |= {"redirect_stderr": "true", **_log_settings("stdout", log)}
    lines = [f"{key}={value}" for key, value in settings.items()]
    return "\n".join([f"[{kind}:{name}]", *lines, ""])


def _log_settings(stream: str, path: str) -> dict[str, str]:
    return {
        f"{stream}_logfile": path,
        f"{stream}_logfile_maxbytes": "1MB",
        f"{stream}_logfile_backups": "1",
    }
