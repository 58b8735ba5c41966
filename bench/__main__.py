"""Runs the benchmarks; see the Makefile. Ends by itself, and leaves no process behind."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import (
    against,
    crowd,
    gateway,
    gateway_report,
    lives,
    machine,
    native_parts,
    one_or_all,
    peers_environment,
    proxy_rate,
    recorder_rate,
    replay_rate,
    report,
    results,
    rounds,
    scale,
    tables,
    where,
)
from bench.errors import BenchError
from bench.handlers import handlers, native_is_there
from bench.one_handler import folder
from bench.processes import environment
from bench.recording import ROOT, SYMBOL, recording
from feedd.errors import FeeddError
from feedd.runtime.end_signals import exit_on_signals


@dataclass(frozen=True)
class Settings:
    """How long a run takes."""

    rounds: int
    blast: int  # quotes
    pace_s: float  # over all rounds
    turns: int  # of the parts that take long
    mix_s: float
    copies: int  # of the proxy's messages, over all subscribers
    starts: int
    alike: int
    encodings: int
    scale_counts: tuple[int, ...]
    scale_s: float


FULL = Settings(3, 200_000, 60.0, 2, 5.0, 500_000, 5, 20, 100_000, scale.COUNTS, 15.0)
QUICK = Settings(1, 50_000, 3.0, 1, 2.0, 100_000, 1, 3, 20_000, (1, 5), 4.0)


def main_part(settings: Settings, peers: Path) -> dict[str, Any]:
    """Return all results but those of many symbols."""
    sources = (["native"] if native_is_there() else []) + ["ccxt"]
    encodings = subprocess.run(
        [peers, ROOT / "bench" / "encodings.py", str(settings.encodings)],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {
        "encodings": json.loads(encodings.stdout),
        "cold_starts": lives.cold_starts(sources, settings.starts),
        "memory": [lives.memory(source, settings.alike) for source in sources],
        "kills": [one for source in sources for one in lives.kills(source, settings.starts)],
        "proxy": (
            proxy_rate.forwarding(settings.turns, settings.copies)
            if native_parts.compiler()
            else []
        ),
        "symbols": [
            one
            for source in sources
            for one in one_or_all.compare(source, settings.turns, settings.mix_s)
        ],
        "blast": _plain(rounds.blasts(peers, settings.rounds, settings.blast)),
        "pace": _plain(rounds.paces(peers, settings.rounds, settings.pace_s)),
        "where": where.shares(handlers()[0], peers, settings.blast, settings.pace_s / 6),
    }


def scale_part(settings: Settings) -> dict[str, Any]:
    """Return the results of many symbols."""
    sources = (["native"] if native_is_there() else []) + ["ccxt"]
    return {
        "scale": [
            one
            for source in sources
            for one in scale.scaled(source, settings.scale_counts, settings.scale_s)
        ]
    }


def run(kind: str, quick: bool) -> None:
    """Measure, keep the results and write the report."""
    settings = QUICK if quick else FULL
    recording()
    native_parts.libzmq()
    if native_parts.compiler() is None:
        print(
            f"{native_parts.NO_COMPILER}; the subscriber is Python's, and C's handler and the "
            "proxy's rates are left out",
            flush=True,
        )
    peers = peers_environment.python()
    began_s = time.monotonic()
    raw: dict[str, Any] = {
        "machine": machine.describe(peers),
        "quick": quick,
        "began": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
        "settings": {"blast": settings.blast, "pace_s": settings.pace_s},
    }
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    if not native_is_there():
        print("there is no native source in this feedd: only ccxt's is measured", flush=True)
    raw |= scale_part(settings) if kind == "scale" else main_part(settings, peers)
    print(f"took {time.monotonic() - began_s:.0f} s; {results.keep(kind, stamp, raw)}")
    main, many = results.newest("main"), results.newest("scale")
    if main is None:
        print(tables.of_scale(raw))
        return
    written = report.write(main, many)
    print(written.read_text())
    parts = [one for one in (main, many) if one is not None]
    if any(one["quick"] for one in parts):
        return
    if any(one["machine"]["load_before"] > machine.BUSY for one in parts):
        print("the machine was busy before the run: docs/ is left as it is")
        return
    report.publish()
    print(f"{report.DOCS / report.REPORT} is new; commit it when nothing disturbed the run")


def record(quick: bool) -> None:
    """Measure recording and replaying, and print it."""
    recorder_rate.run(quick=quick)
    print(f"Replaying {recording()}, imported:", flush=True)
    with folder() as own:
        words = ["-m", "feedd", "import", recording(), "--out", own]
        subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        replay_rate.run(replay_rate.Played(own, "binanceusdm", SYMBOL), 1 if quick else 3)


def gateway_part(quick: bool) -> None:
    """Measure the gateway, keep the results, and write them into docs/."""
    raw: dict[str, Any] = {
        "machine": machine.describe(None),
        "quick": quick,
        "began": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
    }
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    raw |= gateway.measure(gateway.QUICK if quick else gateway.FULL)
    print(results.keep("gateway", stamp, raw))
    print(gateway_report.section(raw, report.machine_text(raw)))
    if quick:
        print("a quick run: docs/ is left as it is")
    else:
        print(f"{report.publish_gateway(raw)} is new; its section states the load before the run")


def _plain(found: list[list[Any]]) -> list[list[dict[str, Any]]]:
    return [[one.plain() for one in each] for each in found]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("kind", choices=["main", "scale", "record", "crowd", "gateway"])
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout of feedd")
    parser.add_argument("--quick", action="store_true", help="minutes; too short to quote")
    given = parser.parse_args()
    exit_on_signals()
    try:
        if given.against is not None:
            settings = QUICK if given.quick else FULL
            against.run(given.against, max(3, settings.rounds), settings.blast, settings.pace_s * 3)
        elif given.kind == "record":
            record(given.quick)
        elif given.kind == "crowd":
            crowd.run(quick=given.quick)
        elif given.kind == "gateway":
            gateway_part(given.quick)
        else:
            run(given.kind, given.quick)
    except (BenchError, FeeddError) as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
