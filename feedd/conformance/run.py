"""The conformance run: run each case with a client and judge it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from feedd.conformance.case_run import CaseRun
from feedd.conformance.cases import CASES
from feedd.conformance.tested_client import ClientProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from feedd.transport.scripted_publisher import ScriptedPublisher


class Verdict(NamedTuple):
    """Result of a case: `wrong` is empty if the client passed, `output` has its printed lines."""

    case: str
    wrong: list[str]
    output: list[str]


def verdicts(
    publisher: ScriptedPublisher,
    names: Sequence[str],
    seed: int,
    command: Sequence[str],
    answer_s: float,
) -> Iterator[Verdict]:
    """Run cases one after the other with one client; start a new one if it has ended."""
    client: ClientProcess | None = None
    try:
        for name in names:
            if client is None:
                client = ClientProcess(command, publisher.endpoint, publisher.history)
            case = CaseRun(name, publisher, client, Random(f"{seed} {name}"), answer_s)
            client.send("CASE", name)
            CASES[name](case)
            case.settle()
            case.end()
            wrong = case.wrong()
            if client.ended is not None:
                wrong.append(f"the client ended, with exit code {client.ended}")
            elif not case.done:
                wrong.append("the client did not answer END with DONE")
            if not case.done:
                client.close()
                client = None
            yield Verdict(name, wrong, [" ".join(line.words) for line in case.lines])
    finally:
        if client is not None:
            client.close()
