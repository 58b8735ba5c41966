"""YAML's errors in plain words: PyYAML names what its scanner expected, not what is wrong."""

from __future__ import annotations

import yaml

_HERE, _ABOVE = False, True  # whether the line where it begins is named too
_MEANINGS = (  # a part of PyYAML's or libyaml's text, and what it means to the writer of the file
    ("unexpected end of stream", "a quotation mark is not closed", _ABOVE),
    ("expected ',' or ']'", "a [ is not closed, or a comma is missing", _ABOVE),
    ("expected ',' or '}'", "a { is not closed, or a comma is missing", _ABOVE),
    ("mapping values are not allowed", "a colon where no key can be; quote the text", _HERE),
    ("did not find expected key", "the indentation is wrong, or a key has no colon", _HERE),
    ("could not find expected ':'", "a key has no colon", _ABOVE),
    ("expected '-' indicator", "a line of a list does not begin with -", _HERE),
    ("block sequence entries are not allowed", "a - where no list can be", _HERE),
    ("undefined alias", "* refers to no & above; quote the text if it is none", _HERE),
    ("constructor for the tag", "tags with ! are not allowed; write the value", _HERE),
    ("unhashable key", "a key is a list or a map; a key is text", _HERE),
    ("found another document", "a second document begins with ---", _HERE),
    ("unknown escape character", "a \\ in double quotes; write it twice", _HERE),
)


def explain_yaml(error: yaml.YAMLError | ValueError, text: str) -> tuple[int | None, str]:
    """Return the line of an error in a text, if it is known, and what is wrong there."""
    if isinstance(error, yaml.reader.ReaderError):
        found = error.character
        sign = found if isinstance(found, str) else chr(found)
        line = text.partition(sign)[0].count("\n") + 1 if sign in text else None
        return line, f"it contains a control character (U+{ord(sign):04X})"
    if not isinstance(error, yaml.MarkedYAMLError):
        return None, f"a date or number is impossible ({error}); quote it if it is text"
    problem, mark = str(error.problem), error.problem_mark or error.context_mark
    if mark is not None and "cannot start any token" in problem:
        return _line(mark), _unquoted(text[mark.index : mark.index + 1])
    for part, meaning, begins_above in _MEANINGS:
        if part in problem:
            begin = _line(error.context_mark) if begins_above else None
            return _line(mark), meaning + (f"; it begins in line {begin}" if begin else "")
    return _line(mark), problem


def _unquoted(sign: str) -> str:
    if sign == "\t":
        return "a tab where a space must be; indent with spaces"
    return f"no text begins with {sign}, unless it is in quotes"


def _line(mark: yaml.Mark | None) -> int | None:
    return None if mark is None else int(mark.line) + 1
