"""The commands `feedd audit` and `feedd tail --json`."""

from __future__ import annotations

import gc
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from feedd.audit import report
from feedd.audit.audit import Audit, total
from feedd.audit.findings import Limits
from feedd.audit.lines import MALFORMED
from feedd.audit.recording import Recorder, Recording
from feedd.audit.truth import Truth
from feedd.cli.arguments import above_zero
from feedd.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from feedd.config.settings import Config

_number = above_zero(1e6)


def add_audit(commands: Any) -> None:
    """Add `audit` to the commands."""
    limits = Limits()
    audit = commands.add_parser(
        "audit", help="hold a recording of a subscriber against the exchange's truth log"
    )
    audit.add_argument("truth", metavar="TRUTH", type=_path, help="embedded_exchange.truth_log")
    audit.add_argument("seen", metavar="SEEN", type=_path, help="what feedd tail --json wrote")
    audit.add_argument("--json", action="store_true", help="for machines")
    audit.add_argument(
        "--closed-s", type=_number, default=limits.closed_s, metavar="S",
        help=f"from a closed connection to another state than live ({limits.closed_s:g})",
    )  # fmt: skip
    audit.add_argument(
        "--silences", type=_number, default=limits.silences, metavar="N",
        help=f"the same for a silent one, in the channel's stale_after_s ({limits.silences:g})",
    )  # fmt: skip
    audit.add_argument(
        "--live-s", type=_number, default=limits.live_s, metavar="S",
        help=f"until it is live again ({limits.live_s:g})",
    )  # fmt: skip
    audit.add_argument(
        "--stale-s", type=_number, default=limits.stale_s, metavar="S",
        help=f"from a feed's last heartbeat to `stale` ({limits.stale_s:g})",
    )  # fmt: skip
    audit.set_defaults(run=run_audit)


def run_audit(arguments: argparse.Namespace) -> int:
    """Audit; return 0, or 1 where the promise was broken."""
    limits = Limits(
        closed_s=arguments.closed_s,
        silences=arguments.silences,
        live_s=arguments.live_s,
        stale_s=arguments.stale_s,
    )
    gc.disable()  # millions of lines, and no cycles among what is kept of them
    try:
        with (
            closing(Recording(arguments.seen)) as recording,
            closing(Truth(arguments.truth)) as truth,
        ):
            audit = Audit(truth, recording.prefixes, limits, by_client=recording.by_client)
            for number, line in recording.lines():
                try:
                    audit.take(line)
                except MALFORMED as error:
                    raise ConfigError(
                        f"{arguments.seen}, line {number}: is no line of a recording: "
                        f"{type(error).__name__}: {error}"
                    ) from None
            findings = audit.finish()
    finally:
        gc.enable()
    if arguments.json:
        print(orjson.dumps(report.as_dict(findings), option=orjson.OPT_INDENT_2).decode())
    else:
        print(report.table(findings))
    if not findings:
        raise ConfigError(f"{arguments.seen}: holds no message; there is nothing to audit")
    return 1 if total(findings).breaches else 0


def add_recording(tail: argparse.ArgumentParser) -> None:
    """Add the options of a recording to `tail`."""
    tail.add_argument(
        "--json", action="store_true",
        help="what feedd.subscribe hands over, with the statuses, as JSON lines for feedd audit",
    )  # fmt: skip
    tail.add_argument(
        "--plain", action="store_true", help="the same of what a plain subscriber gets"
    )


def record(settings: Config, prefixes: list[str], *, plain: bool) -> int:
    """Record to standard output until SIGINT or SIGTERM; return 0."""
    recorder = Recorder(sys.stdout.buffer, prefixes)
    proxies = settings.proxy_programs().values()
    if plain:
        ending = recorder.plain(settings.proxy.subscribers)  # of two, it would get all twice
    else:
        ending = recorder.client(
            [proxy.subscribers for proxy in proxies], [proxy.history for proxy in proxies]
        )
    print(f"feedd: wrote {recorder.lines:,} lines, until {ending}", file=sys.stderr)
    return 0


def _path(text: str) -> Path:
    return Path(text).resolve()  # before the command goes to the project's root
