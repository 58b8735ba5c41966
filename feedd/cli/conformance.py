"""`feedd conformance`: test a client, in any language, on faulty streams."""

from __future__ import annotations

import argparse

from feedd.cli.arguments import above_zero
from feedd.cli.command import Command, never
from feedd.conformance.cases import CASES
from feedd.conformance.run import verdicts
from feedd.runtime.end_signals import exit_on_signals
from feedd.transport.scripted_publisher import ScriptedPublisher

ANY_PORT = "tcp://127.0.0.1:*"
ANSWER_S = 10.0
LINES_SHOWN = 20  # of the client's output in a case that it failed


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--endpoint", default=ANY_PORT, help="to publish at (a free port)", type=_endpoint
    )
    parser.add_argument(
        "--history", default=ANY_PORT, help="to serve the history at (a free port)", type=_endpoint
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the random choices (1)"
    )
    parser.add_argument(
        "--case", action="append", choices=list(CASES), metavar="CASE",
        help="play only this one; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--wait-s", type=above_zero(3600), default=ANSWER_S, metavar="S",
        help=f"limit for the client's answers ({ANSWER_S:g})",
    )  # fmt: skip
    parser.add_argument(
        "client", nargs="+", metavar="COMMAND",
        help="the client's command line, after --; {endpoint} and {history} in it are replaced",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    exit_on_signals()  # the client is in a process session of its own
    names = arguments.case or list(CASES)
    width = max(map(len, names))
    failed = []
    with ScriptedPublisher(arguments.endpoint, arguments.history) as stage:
        print(f"endpoint {stage.endpoint}, history {stage.history}, seed {arguments.seed}")
        played = verdicts(stage, names, arguments.seed, arguments.client, arguments.wait_s)
        for verdict in played:
            text = "passed" if not verdict.wrong else f"FAILED  {verdict.wrong[0]}"
            print(f"{verdict.case.ljust(width)}  {text}", flush=True)
            if verdict.wrong:
                failed.append(verdict)
    for verdict in failed:
        print(f"\n{verdict.case}: {CASES[verdict.case].__doc__}")
        for sentence in verdict.wrong:
            print(f"  {sentence}")
        print("  the client printed:" if verdict.output else "  the client printed nothing")
        for line in verdict.output[-LINES_SHOWN:]:
            print(f"    {line}")
    print(f"\n{len(names) - len(failed)} of {len(names)} cases passed")
    return 1 if failed else 0


def _endpoint(text: str) -> str:
    if not text.startswith(("tcp://", "ipc://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not an endpoint like tcp://127.0.0.1:5500")
    return text


COMMAND = Command(_run, _add_arguments, never)
