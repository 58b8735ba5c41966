"""The handlers that are measured, and how each is started on one exchange and one port."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from bench import native_parts
from bench.recording import ROOT, STREAM, SYMBOL
from feedd.config.settings import Config
from feedd.runtime.cpu_latency import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOPIC = f"quote.binanceusdm.{SYMBOL}."
PEERS = ROOT / "bench" / "peers"


@dataclass(frozen=True)
class Place:
    """Where a handler runs: a folder of its own, the exchange's port, and the one to publish on."""

    folder: Path
    exchange: int
    port: int
    peers_python: Path

    @property
    def endpoint(self) -> str:
        """Where the quotes come out."""
        return f"tcp://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Handler:
    """One thing that is measured. `command` starts it at a place."""

    name: str
    what: str
    command: Callable[[Place], list[str]]
    prefix: str = TOPIC
    connects: bool = False  # its socket connects, and the subscriber binds
    publishes: bool = True  # else it notes arrivals itself
    proxied: bool = False
    readers: int = 1  # connections that it has to the exchange


def native_is_there() -> bool:
    """Whether this feedd has its native source: its configuration then knows `connections`."""
    return "connections" in Config.__struct_fields__


def handlers() -> list[Handler]:
    """Return all that there are, in the order of the table."""
    found = [Handler("feedd-ccxt", "feedd, `source: ccxt` (ccxt tapped)", _feedd("ccxt"))]
    if native_is_there():
        found.insert(0, Handler("feedd-native", "feedd, `source: native`", _feedd("native")))
        found.insert(
            1,
            Handler(
                "feedd-native-2",
                "feedd, `source: native`, `connections: 2`",
                _feedd("native", connections=2),
                readers=2,
            ),
        )
    return [
        *found,
        Handler(
            "ccxt-loop",
            "ccxt.pro, a `watch_bids_asks` loop + msgpack + zmq",
            lambda at: [sys.executable, *_peer("ccxt_loop", at)],
        ),
        Handler(
            "cryptofeed",
            "cryptofeed 2.4.1 + its ZMQ backend (JSON)",
            lambda at: [str(at.peers_python), *_peer("cryptofeed_zmq", at)],
            prefix="BINANCE_FUTURES-ticker",
            connects=True,
        ),
        Handler(
            "hand-written",
            "`websockets` + orjson + msgpack + zmq, by hand",
            lambda at: [str(at.peers_python), *_peer("hand_written", at)],
        ),
        Handler(
            "forwarded",
            "limit: picows, frames forwarded undecoded",
            lambda at: [str(at.peers_python), *_peer("forwarded", at)],
        ),
        Handler(
            "counted",
            "limit: picows, frames only counted",
            lambda at: [
                str(at.peers_python), *_peer("counted", at), str(at.folder / "arrivals.log"),
            ],
            publishes=False,
        ),
        Handler("c", "limit: C, receive, parse, send", _c),
    ]  # fmt: skip


def proxied() -> list[Handler]:
    """Return feedd's handlers with the proxy between them and the subscriber."""
    sources = (["native"] if native_is_there() else []) + ["ccxt"]
    found = [
        Handler(
            f"feedd-{source}-proxied",
            f"feedd, `source: {source}`, through the proxy",
            _feedd(source, alone=False),
            proxied=True,
        )
        for source in sources
    ]
    awake = Handler(
        f"feedd-{sources[0]}-awake",
        "the first of these, `keep_cpus_awake: true`",
        _feedd(sources[0], alone=False, keep_cpus_awake=True),
        proxied=True,
    )
    return [*found, awake] if os.access(DEVICE, os.W_OK) else found


def asyncio_handler() -> Handler:
    """Return feedd's fastest source on asyncio's own loop."""
    source = "native" if native_is_there() else "ccxt"
    return Handler(
        f"feedd-{source}-asyncio",
        f"feedd, `source: {source}`, on asyncio's loop",
        _feedd(source, program="bench/on_asyncio.py"),
    )


def write_config(at: Place, source: str, **settings: object) -> Path:
    """Write a configuration of one symbol that publishes quotes."""
    path = at.folder / "feedd.yaml"
    path.write_text(yaml.safe_dump({
        "source": source,
        "endpoint": f"http://127.0.0.1:{at.exchange}",
        "symbols": [{"symbol": SYMBOL, "port": at.port}],
        "channels": ["quote"],
        "proxy": {
            "subscribers": f"tcp://127.0.0.1:{at.port + 1}",
            "workers": f"ipc://{at.folder}/workers.sock",
            "history": f"ipc://{at.folder}/history.sock",
        },
        "run_dir": str(at.folder / "run"),
        **settings,
    }))  # fmt: skip
    return path


def _feedd(
    source: str, *, alone: bool = True, program: str = "workers/feed.py", **settings: object
) -> Callable[[Place], list[str]]:
    def command(at: Place) -> list[str]:
        config = write_config(at, source, **settings)
        words = [sys.executable, program, "--config", str(config)]
        return [*words, "--log-dir", str(at.folder / "logs"), *(["--alone"] if alone else [])]

    return command


def _peer(name: str, at: Place) -> list[str]:
    return [str(PEERS / f"{name}.py"), str(at.exchange), at.endpoint]


def _c(at: Place) -> list[str]:
    program = native_parts.compiled("handler", at.folder.parent)
    return [str(program), native_parts.libzmq(), str(at.exchange), STREAM, at.endpoint]
