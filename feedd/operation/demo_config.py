"""Configuration of the demo: with another port for the page where its own is taken."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from feedd.config.load import load_config, read_config_text
from feedd.endpoint_form import LAST_PORT
from feedd.runtime.files import make_run_dir, write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection

    from feedd.config.settings import Config

FOLDER = Path("run")
TRIES = 100


def demo_config(path: Path, root: Path) -> Path:
    """Return the file to start on: the given one, or a copy with a free port for the gateway.

    A newcomer's 8080 is often another program's. The copy is in `run/`; the demo removes it.
    """
    settings = load_config(path)
    gateway = settings.gateway_settings
    if gateway is None or _is_free(gateway.host, gateway.port):
        return path
    port = next_free(gateway.host, gateway.port, settings.reserved_ports())
    if port is None:
        return path  # the start names what holds it
    content = yaml.safe_load(read_config_text(path))
    content["gateway"] = {**(content.get("gateway") or {}), "port": port}
    copy = root / FOLDER / path.name
    make_run_dir(copy.parent)
    write_atomically(copy, _text(content, path))
    return copy


def moved_line(before: Config, after: Config) -> str | None:
    """Return a line on the page's other port; None if it has its own."""
    one, other = before.gateway_settings, after.gateway_settings
    if one is None or other is None or one == other:
        return None
    return f"Port {one.port} is in use: the page of this demo is at port {other.port}."


def next_free(host: str, taken: int, reserved: Collection[int]) -> int | None:
    """Return the next port after a taken one that nothing listens at; None within 100."""
    for port in range(taken + 1, min(taken + TRIES, LAST_PORT) + 1):
        if port not in reserved and _is_free(host, port):
            return port
    return None


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the gateway does: a connection that has just ended does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _text(content: object, path: Path) -> str:
    head = f"# feedd demo wrote this: {path} with a free port for the gateway.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
