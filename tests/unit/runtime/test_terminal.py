"""Text for terminals of any width and encoding."""

from __future__ import annotations

import io
import sys

import pytest

from feedd.runtime.terminal import cut, display_width, fold, prepare_output, printable


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("ascii", b"P99 us a. ???? ?"),
        ("latin-1", b"P99 \xb5s a. ???? ?"),
        ("utf-8", "P99 µs a… 币安人生 ".encode() + b"?"),
    ],
)
def test_what_a_terminal_cannot_encode_is_replaced(
    monkeypatch: pytest.MonkeyPatch, encoding: str, printed: bytes
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    prepare_output()
    for stream in (sys.stdout, sys.stderr):
        print("P99 µs a… 币安人生 \udce9", end="", file=stream, flush=True)
        assert stream.buffer.getvalue() == printed  # type: ignore[attr-defined]


def test_what_is_printed_to_a_closed_output_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    prepare_output()
    with sys.stdout as dropped:
        assert not dropped.isatty()
        assert dropped.write("text") == 4


def test_a_printable_text_has_one_line() -> None:
    assert printable("a\nb\x1b[2J\udce9ü\u202e") == "a\\nb\\x1b[2J\\udce9ü\\u202e"


def test_a_text_is_cut_to_the_columns_of_its_characters() -> None:
    assert [display_width(text) for text in ("abc", "é", "e\u0301", "币安")] == [3, 1, 1, 4]
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert cut("币安人生", 6) == "币安…"


def test_a_text_is_folded_between_words_and_within_those_that_are_too_long() -> None:
    assert fold("one two three", 11, "    ", first="    ") == ["    one two", "    three"]
    assert fold("a " + "b" * 12, 6, "  ") == ["a", "  bbbb", "  bbbb", "  bbbb"]
    assert fold("币安人生 币安", 4) == ["币安", "人生", "币安"]
    assert fold("one two three four", 5, lines=2) == ["one", "two…"]
    assert fold("", 10) == [""]
