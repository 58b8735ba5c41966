"""`feedd render`: write supervisord's programs without starting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.config import ports
from feedd.operation.active_config import given_config
from feedd.supervision import render

if TYPE_CHECKING:
    import argparse


def _run(arguments: argparse.Namespace) -> int:
    settings, path = given_config(arguments.config)
    given = ports.assign(settings, path)
    render.write(settings, path, arguments.root, given)
    print(f"wrote {render.INCLUDE} from {path}")
    return 0


COMMAND = Command(_run)
