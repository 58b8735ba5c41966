"""The conformance run: feedd.subscribe passes it, and faulty clients fail it."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import PYTHON, REPOSITORY

from feedd.conformance.cases import CASES

pytestmark = pytest.mark.process

ADAPTER = str(REPOSITORY / "examples" / "conformance_client.py")
AT_A_TIME = 4
WRONG = str(Path(__file__).with_name("wrong_clients.py"))


def conformance(*arguments: str) -> Any:
    return subprocess.run(
        [PYTHON, "-m", "feedd", "conformance", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_projects_own_client_passes_every_case(seed: str) -> None:
    run = conformance("--wait-s", "20", "--seed", seed, "--", PYTHON, ADAPTER)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(CASES)} of {len(CASES)} cases passed" in run.stdout


@pytest.mark.parametrize(
    ("client", "passes", "fails"),
    [
        ("naive", ["in-order"], {
            "gap-lost": "expected GAP 1000",
            "reordered": "expected TICK 1000",
            "duplicates": "expected TICK 1000 2, TICK",
            "upstream-gap": "expected UPSTREAM conformance.upstream-gap/A. quote",
            "late-join": "expected TICK 1000",
        }),
        ("duplicates", ["in-order", "gap-lost"], {"duplicates": "received TICK 1000"}),
        ("blind", ["in-order", "gap-repaired"], {
            "tail-repaired": "; received nothing more", "tail-lost": "expected GAP 1000",
        }),
    ],
)  # fmt: skip
def test_a_faulty_client_fails_the_cases_of_its_fault(
    client: str, passes: list[str], fails: dict[str, str]
) -> None:
    words = [word for case in passes for word in ("--case", case)]
    run = conformance("--wait-s", "20", *words, "--", PYTHON, WRONG, client)
    assert run.returncode == 0, run.stdout + run.stderr
    words = [word for case in fails for word in ("--case", case)]
    run = conformance("--wait-s", "1", *words, "--", PYTHON, WRONG, client)
    assert run.returncode == 1, run.stdout + run.stderr
    verdicts = [line.split(maxsplit=2) for line in run.stdout.splitlines() if "  FAILED  " in line]
    assert [case for case, *_ in verdicts] == list(fails)
    for case, _, why in verdicts:
        assert fails[case] in why


ONE_FAULT = [
    ("blind_at_stop", "stopped-with-lost-tail", "; received nothing more"),
    ("status_gaps", "heartbeats-lost", "status.conformance.heartbeats-lost/A.: expected noth"),
    ("snapshot_gaps", "upstream-gap-before", "quote 1 7 was reported 1 times; expected 0"),
    ("foreign_gaps", "upstream-gap-elsewhere", "trade 1 7 was reported 1 times; expected 0"),
    ("old_sessions", "old-session", "received TICK 1000"),
    ("doubles", "large-numbers", "expected TICK 9007199254740993 9007199254740991"),
    ("nil_is_zero", "upstream-gap", "quote - -; it was not reported"),
    ("same_stream", "new-session", "1000 2000; it was not reported"),
    ("topic_sessions", "new-session", "1000 2000 was reported 2 times; expected 1"),
    ("repeats_states", "heartbeats-lost", "live was reported again without a change"),
    ("begins_anywhere", "new-session-begins-with-a-loss", "expected GAP 2000 1"),
    ("hammers", "gap-lost", "requests to the history; at most 200 are enough"),
    ("text_topics", "unknown-topics", "; received nothing"),
]


@pytest.fixture(scope="module")
def runs() -> dict[str, Any]:
    """Run the clients with one fault, some at a time: each run mostly waits."""

    def run(client: str, case: str) -> Any:
        words = ("--wait-s", "3", "--case", "in-order", "--case", case)
        return conformance(*words, "--", PYTHON, WRONG, client)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        running = {client: pool.submit(run, client, case) for client, case, _ in ONE_FAULT}
        return {client: future.result() for client, future in running.items()}


@pytest.mark.parametrize(("client", "case", "why"), ONE_FAULT)
def test_a_client_with_one_fault_fails_the_case_of_it(
    runs: dict[str, Any], client: str, case: str, why: str
) -> None:
    run = runs[client]
    assert run.returncode == 1, run.stdout + run.stderr
    passed, failed, *_ = [line for line in run.stdout.splitlines() if "endpoint" not in line]
    assert passed.split() == ["in-order", "passed"]
    assert failed.split()[:2] == [case, "FAILED"]
    assert why in run.stdout


def test_a_client_that_ends_fails_every_case_and_a_missing_command_is_an_error() -> None:
    run = conformance("--wait-s", "1", "--case", "in-order", "--case", "prefix", "--", "false")
    assert run.returncode == 1
    assert "the client ended, with exit code 1" in run.stdout
    assert "0 of 2 cases passed" in run.stdout
    missing = conformance("--", "/no/such/client")
    assert missing.returncode == 78
    assert "/no/such/client can't be started" in missing.stderr
