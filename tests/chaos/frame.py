"""What every case has: a folder, processes of its own, a seeded generator, figures and limits."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from conftest import Project

from chaos.audit import Findings, audit
from chaos.process import Lost, Process, Recording, within

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"
START_S = 90.0  # of a project, on a machine that does other things too
# In the short form others work at the same time: by so much a figure may miss its target, and by so
# many a target of 0. That nothing is missing unsaid holds in any form.
NOISE, NOISE_COUNT = 5.0, 1000


class Skipped(Exception):  # noqa: N818  no error: the machine lacks something
    """The case can't run on this machine; the text names what is missing."""


@dataclass(frozen=True)
class Case:
    """One case: what is done, what is aimed at, how long it may take, and the function.

    `known` is the reason for a missed target, if it is known.
    """

    name: str
    what: str
    target: str
    limit_s: float
    run: Callable[[Run], None]
    short: bool
    known: str


CASES: dict[str, Case] = {}


def case(
    name: str,
    *,
    what: str,
    target: str,
    limit_s: float = 120.0,
    short: bool = False,
    known: str = "",
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Register a case; `short` ones belong to every test run."""

    def register(function: Callable[[Run], None]) -> Callable[[Run], None]:
        assert name not in CASES
        CASES[name] = Case(name, what, target, limit_s, function, short, known)
        return function

    return register


@dataclass
class Figure:
    """What was measured, and whether it is within its target."""

    text: str
    met: bool


@dataclass
class Run:
    """One run of a case; `close` ends all that belongs to it."""

    seed: int
    short: bool
    environment: dict[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.folder = Path(tempfile.mkdtemp(prefix="feedd-chaos-"))
        self.projects: list[Project] = []
        self.processes: list[Process] = []
        self.at_end = contextlib.ExitStack()

    # --- processes ----------------------------------------------------------------------------

    def project(self, *, start: bool = True, **settings: Any) -> Project:
        """Return a project of its own on the embedded exchange, started by default."""
        root = self.folder / f"p{len(self.projects)}"
        root.mkdir()
        settings.setdefault("channels", ["quote", "trade"])
        exchange = {
            "truth_log": str(root / "truth.jsonl"),
            "seed": self.seed,
            "rate": 50.0,
            "bursts": False,
            "truth_unsent": True,
        }
        settings["embedded_exchange"] = {**exchange, **settings.get("embedded_exchange", {})}
        project = Project(root, **settings)
        self.projects.append(project)
        if start:
            self.start(project)
        return project

    def start(self, project: Project) -> float:
        """Start it; return how long it took."""
        began_s = time.monotonic()
        done = project.feedd("start", timeout_s=START_S, **self.environment)
        if done.returncode:
            raise Lost(f"feedd start: {done.stdout}{done.stderr}")
        return time.monotonic() - began_s

    def process(self, module: str, *words: str) -> Process:
        """Start a module of this folder."""
        out = self.folder / f"{module}-{len(self.processes)}.jsonl"
        made = Process.of_ours(module, out, *words, **self.environment)
        self.processes.append(made)
        return made

    def recorder(self, project: Project, *topics: str) -> Recording:
        """Return a subscriber that records every event, after its first one."""
        out = self.folder / f"seen-{len(self.processes)}.jsonl"
        recorder = Recording(out, project.root, topics or ("",), **self.environment)
        self.processes.append(recorder)
        recorder.wait_for(60, "a recorder's first tick", kind="tick")
        return recorder

    # --- figures ------------------------------------------------------------------------------

    def figure(self, what: str, value: float, *, most: float, unit: str = "") -> None:
        """Note a figure and its target; in the short form only what is far beyond it is wrong.

        Latencies are no matter there at all.
        """
        shown = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
        text = f"{what} {shown}{unit and ' '}{unit}"
        if self.short and unit != "ms" and value > (most * NOISE or NOISE_COUNT):
            raise Lost(f"{text}, far beyond {most}")
        self.figures.append(Figure(text, self.short or value <= most))

    def note(self, text: str) -> None:
        """Note what was seen and has no target."""
        self.figures.append(Figure(text, met=True))

    def must(self, holds: Any, what: str) -> None:
        """Raise Lost where a rule is broken that holds on any machine."""
        if not holds:
            raise Lost(what)

    def nothing_lost_silently(self, project: Project, *recorders: Recording) -> list[Findings]:
        """Stop recorders, and have the auditor hold what they saw against what was sent."""
        until_s = time.monotonic() + 1.0
        for recorder in recorders:
            within(
                60, lambda r=recorder: (r.lines[-1]["at"] if r.lines else 0) > until_s,
                "a recorder that still hears something",
            )  # fmt: skip
            recorder.stop()
        truth = Path(project.settings["embedded_exchange"]["truth_log"])
        stopped_ns = time.time_ns()
        within(60, lambda: last_sent_ns(truth) > stopped_ns, "the truth log is written on")
        findings = [
            audit(truth, recorder.out, project.root, lenient=self.short) for recorder in recorders
        ]
        for found in findings:
            self.must(found.seen > 20, f"hardly anything was seen: {found}")
            self.must(not found.breaches, found.words)
        seen, flagged = sum(f.seen for f in findings), sum(f.flagged for f in findings)
        self.note(f"{seen:,} seen, 0 unflagged, {flagged:,} flagged")
        return findings

    def close(self) -> None:
        """End all processes and remove the folder, whatever happened before."""
        faults = []
        try:
            self.at_end.close()
        except Exception as error:  # noqa: BLE001  all else is to be ended too
            faults.append(error)
        for process in self.processes:
            with contextlib.suppress(Lost):
                process.stop(5.0)
        for project in self.projects:
            for left in project.left_behind():
                with contextlib.suppress(psutil.NoSuchProcess):
                    left.resume()
            try:
                project.close()
            except Exception as error:  # noqa: BLE001  the others are to be ended first
                faults.append(error)
                for left in project.left_behind():
                    left.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if faults:
            raise Lost(f"not ended by itself: {faults}")


def last_sent_ns(truth: Path) -> int:
    """Return when the last event in a truth log was sent."""
    with truth.open("rb") as file:
        file.seek(max(0, truth.stat().st_size - 1_000_000))  # more than any line has
        *_, last, _ = [b"", *file.read().split(b"\n")]
    return int(json.loads(last)["sent_ns"]) if last else 0


def history_of(project: Project, proxy: str = "proxy") -> str:
    """Return where the history of a project's proxy is, for who is in no folder of its own."""
    endpoint: str = project.settings[proxy]["history"]
    return endpoint.replace("ipc://", f"ipc://{project.root}/")


def workers_of(project: Project) -> str:
    """Return where a worker of a project connects to."""
    return f"ipc://{project.root}/run/workers.sock"
