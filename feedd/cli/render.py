"""`feedd render`: write supervisord's programs without starting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.config import ports
from feedd.errors import ConfigError
from feedd.operation.active_config import config_to_start, last_config
from feedd.runtime.locks import command_lock
from feedd.supervision import render
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse


def _run(arguments: argparse.Namespace) -> int:
    settings, path, _, chosen = config_to_start(arguments.config, arguments.root)
    if chosen is not None:
        print(chosen)
    with command_lock(arguments.root):
        if Daemon(arguments.root).runs:
            raise ConfigError(
                f"feedd runs here on {last_config(arguments.root)}; feedd start applies its changes"
            )
        given = ports.assign(settings, path)
        render.write(settings, path, arguments.root, given)
    print(f"wrote {render.INCLUDE} from {path}")
    return 0


COMMAND = Command(_run)
