"""`feedd audit`: compare a subscriber's messages with the exchange's truth log."""

from __future__ import annotations

import gc
from contextlib import closing
from typing import TYPE_CHECKING

import orjson

from feedd.audit import report
from feedd.audit.audit import Audit, total
from feedd.audit.findings import Limits
from feedd.audit.lines import MALFORMED
from feedd.audit.recording import Recording
from feedd.audit.truth import Truth
from feedd.cli.arguments import above_zero, path
from feedd.cli.command import Command, never
from feedd.errors import ConfigError

if TYPE_CHECKING:
    import argparse

_number = above_zero(1e6)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    limits = Limits()
    parser.add_argument(
        "truth", metavar="TRUTH", type=path, help="the file of embedded_exchange.truth_log"
    )
    parser.add_argument(
        "seen", metavar="SEEN", type=path, help="the output of feedd tail --json or --plain"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--closed-s", type=_number, default=limits.closed_s, metavar="S",
        help=f"limit from a closed connection to a state other than live ({limits.closed_s:g})",
    )  # fmt: skip
    parser.add_argument(
        "--silences", type=_number, default=limits.silences, metavar="N",
        help="the same limit for a silent connection, as a multiple of the channel's "
        f"stale_after_s ({limits.silences:g})",
    )  # fmt: skip
    parser.add_argument(
        "--live-s", type=_number, default=limits.live_s, metavar="S",
        help=f"limit until it is live again ({limits.live_s:g})",
    )  # fmt: skip
    parser.add_argument(
        "--stale-s", type=_number, default=limits.stale_s, metavar="S",
        help=f"limit from a feed's last heartbeat to `stale` ({limits.stale_s:g})",
    )  # fmt: skip


def run_audit(arguments: argparse.Namespace) -> int:
    """Audit; return 0, or 1 if the recording breaks a guarantee."""
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
                        f"{arguments.seen}, line {number}: is not a line of a recording: "
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


COMMAND = Command(run_audit, _add_arguments, never)
