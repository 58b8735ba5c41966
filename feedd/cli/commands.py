"""The commands, in the order of `feedd --help`.

A module is imported only when its command runs, so that none pays for what another imports.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A command's name, the module below `feedd.cli` that defines it, and its help text."""

    name: str
    module: str
    help: str


COMMANDS = (
    Row("init", "init", "make a project folder with supervisord.conf and config/"),
    Row("start", "start", "start everything, or apply a changed configuration"),
    Row("stop", "stop", "stop everything"),
    Row("restart", "restart", "restart all feeds, or some"),
    Row("add", "add", "add a symbol to the configuration and start it"),
    Row("remove", "remove", "remove a symbol from the configuration and stop it"),
    Row("status", "status", "report the health; exit code 0: healthy, 1: degraded, 2: down"),
    Row("top", "top", "watch all feeds and processes: sort, filter, logs, restart"),
    Row("tail", "tail", "print messages from the fan-out endpoint, until Ctrl-C"),
    Row("logs", "logs", "show the logs of all processes and follow them"),
    Row("demo", "demo", "run everything on the embedded exchange and print ticks"),
    Row("record", "record", "record messages from the fan-out endpoint, until Ctrl-C"),
    Row("replay", "replay", "publish recordings in the foreground"),
    Row("inspect", "inspect", "describe a recording; exit code 0: complete, 1: damaged"),
    Row("export", "export", "write a recording as tables, one per channel (docs/tables.md)"),
    Row("import", "import_", "convert raw messages or tables to a recording"),
    Row("audit", "audit", "compare a subscriber's messages with the exchange's truth log"),
    Row("conformance", "conformance", "test a client, in any language, on faulty streams"),
    Row("config", "config_check", "check the configuration"),
    Row("render", "render", "write supervisord's programs without starting them"),
    Row("completion", "completion", "print the completion script of a shell"),
    Row("help", "help", "print the help of a command, or this"),
)
