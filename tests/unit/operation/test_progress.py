"""Progress of a start: a line for each change of a few feeds, counts of many."""

from __future__ import annotations

from io import StringIO

from feedd.health.report import ProcessHealth, Report
from feedd.operation.progress import Progress, counts


def feed(number: int, state: str | None, process: str = "RUNNING", reason: str | None = None):  # noqa: ANN201
    return ProcessHealth(
        f"feed-{number}", process, 1, 1, 5555 + number, "binanceusdm", state, reason
    )


def many(*feeds: ProcessHealth, live: int = 20) -> Report:
    proxy = ProcessHealth("proxy", "RUNNING", 1, 1)
    return Report((proxy, *(feed(100 + n, "live") for n in range(live)), *feeds))


def test_each_state_is_counted_by_its_own_name() -> None:
    report = many(
        feed(1, "silent"), feed(2, "down", "STARTING"), feed(3, "reconnecting"),
        feed(4, "down", "EXITED"), feed(5, "down", "FATAL"), feed(6, "starting"),
        feed(7, "down", "STOPPED"),
    )  # fmt: skip
    assert counts(report) == ("20 of 27 feeds live, 3 starting, 2 ended, 1 reconnecting, 1 stopped")


def test_a_few_feeds_have_a_line_for_each_change() -> None:
    said: list[str] = []
    with Progress(said.append, 2) as progress:
        progress.update(Report((feed(1, "silent"), feed(2, "live"))), 1.0)
        progress.update(Report((feed(1, "stale", reason="why"), feed(2, "live"))), 7.0)
        progress.update(Report((feed(1, "down", "EXITED", "it ended"), feed(2, "live"))), 8.0)
    assert said == [
        "  1.0 s  feed-2: live",
        "  7.0 s  feed-1: stale (why)",
        "  8.0 s  feed-1: EXITED (it ended)",
    ]


def test_many_feeds_are_counted_about_every_two_seconds() -> None:
    said: list[str] = []
    with Progress(said.append, 21) as progress:
        for tenths in range(60):
            progress.update(many(feed(1, "silent")), tenths / 10)
    assert said[0] == "  1.5 s  20 of 21 feeds live, 1 starting"
    assert len(said) == 3


def test_of_many_feeds_those_that_end_or_stay_unhealthy_are_named_once_with_their_reason() -> None:
    said: list[str] = []
    with Progress(said.append, 23) as progress:
        for second in range(12):
            progress.update(
                many(
                    feed(1, "down", "EXITED", "no such symbol"),
                    feed(2, "reconnecting", reason="away"),
                    feed(3, "live" if second == 8 else "stale", reason="mute"),
                ),
                float(second),
            )
    named = [line for line in said if "feeds live" not in line]
    assert named == [
        "  0.0 s  feed-1: EXITED (no such symbol)",
        " 10.0 s  feed-2: reconnecting (away)",
    ]


def test_on_a_terminal_the_counts_overwrite_themselves_and_nothing_else() -> None:
    said: list[str] = []
    terminal = StringIO()
    with Progress(said.append, 21, terminal) as progress:
        progress.update(many(feed(1, "silent")), 2.0)
        progress.update(many(feed(1, "silent")), 4.0)
        progress.print("between")
        progress.update(many(feed(1, "silent")), 6.0)
    line = "20 of 21 feeds live, 1 starting"
    clear = "\r\x1b[K"
    assert terminal.getvalue() == (
        f"{clear}  2.0 s  {line}{clear}  4.0 s  {line}{clear}{clear}  6.0 s  {line}\n"
    )
    assert said == ["between"]
