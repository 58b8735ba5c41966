"""The command `feedd conformance`: plays every case to a client, and judges it."""

from __future__ import annotations

import argparse
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.cli.arguments import above_zero
from feedd.conformance.case_run import Play
from feedd.conformance.cases import CASES
from feedd.conformance.tested_client import Client
from feedd.transport.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANY_PORT = "tcp://127.0.0.1:*"
ANSWER_S = 10.0
LINES_SHOWN = 20  # of what a client said in a case that it failed


class Verdict(NamedTuple):
    """How a client did in a case: `wrong` is empty where it passed."""

    case: str
    wrong: list[str]
    said: list[str]


def add_conformance(commands: Any) -> None:
    """Add `conformance` to the commands."""
    conformance = commands.add_parser(
        "conformance", help="try a client, in any language, in all that can befall a stream"
    )
    conformance.add_argument(
        "--endpoint", default=ANY_PORT, help="where to publish (a free port)", type=_endpoint
    )
    conformance.add_argument(
        "--history", default=ANY_PORT, help="where to answer for it (a free port)", type=_endpoint
    )
    conformance.add_argument("--seed", type=int, default=1, metavar="N", help="of the cases (1)")
    conformance.add_argument(
        "--case", action="append", choices=list(CASES), metavar="CASE", help="only this one"
    )
    conformance.add_argument(
        "--wait-s", type=above_zero(3600), default=ANSWER_S, metavar="S",
        help=f"for what the client has to say ({ANSWER_S:g})",
    )  # fmt: skip
    conformance.add_argument(
        "command", nargs="+", metavar="COMMAND", help="the client, behind --; {endpoint} and "
        "{history} in it are replaced",
    )  # fmt: skip
    conformance.set_defaults(run=run_conformance)


def run_conformance(arguments: argparse.Namespace) -> int:
    """Play the cases; return 0 where the client passed all, else 1."""
    names = arguments.case or list(CASES)
    width = max(map(len, names))
    failed = []
    with Stage(arguments.endpoint, arguments.history) as stage:
        print(f"endpoint {stage.endpoint}, history {stage.history}, seed {arguments.seed}")
        played = verdicts(stage, names, arguments.seed, arguments.command, arguments.wait_s)
        for verdict in played:
            text = "passed" if not verdict.wrong else f"FAILED  {verdict.wrong[0]}"
            print(f"{verdict.case.ljust(width)}  {text}", flush=True)
            if verdict.wrong:
                failed.append(verdict)
    for verdict in failed:
        print(f"\n{verdict.case}: {CASES[verdict.case].__doc__}")
        for sentence in verdict.wrong:
            print(f"  {sentence}")
        print("  the client said:" if verdict.said else "  the client said nothing")
        for line in verdict.said[-LINES_SHOWN:]:
            print(f"    {line}")
    print(f"\n{len(names) - len(failed)} of {len(names)} cases passed")
    return 1 if failed else 0


def verdicts(
    stage: Stage, names: Sequence[str], seed: int, command: Sequence[str], answer_s: float
) -> Iterator[Verdict]:
    """Play cases, one after the other, to one client, or to a new one where the last is gone."""
    client: Client | None = None
    try:
        for name in names:
            if client is None:
                client = Client(command, stage.endpoint, stage.history)
            play = Play(name, stage, client, Random(f"{seed} {name}"), answer_s)
            client.tell("CASE", name)
            CASES[name](play)
            play.settle()
            play.end()
            wrong = play.expected.wrong(play.lines)
            if client.ended is not None:
                wrong.append(f"the client ended, with exit code {client.ended}")
            elif not play.done:
                wrong.append("the client did not say DONE when it was told END")
            if not play.done:
                client.close()
                client = None
            yield Verdict(name, wrong, [" ".join(line.words) for line in play.lines])
    finally:
        if client is not None:
            client.close()


def _endpoint(text: str) -> str:
    if not text.startswith(("tcp://", "ipc://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no endpoint like tcp://127.0.0.1:5500")
    return text
