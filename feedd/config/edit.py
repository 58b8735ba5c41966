"""Edits of the configuration file: add or remove one symbol.

The file belongs to its user: only the lines concerned change, and every other byte stays. An edit
is accepted only if the new text parses to the old configuration with exactly that feed added or
removed; else ConfigError asks for an edit by hand.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec
import yaml

from feedd.config.load import parse_config
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.config.settings import Config, Feed, SymbolEntry

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # YAML 1.1, 4.2
_BLANK = re.compile(r"[ \t]*")
_BLANK_OR_COMMENT = re.compile(r"[ \t]*(#.*)?")


class _UnsafeError(Exception):
    """The text is written in a form that this module does not edit."""


def add_symbol(text: str, path: Path, entry: SymbolEntry) -> str:
    """Return the text with a symbol added at the end; errors name `path`.

    Raises ConfigError if the symbol exists, is invalid, or must be added by hand.
    """
    old = parse_config(text, path)
    feed = msgspec.structs.replace(old, symbols=(entry,)).feeds()[0]
    if feed.name in {other.name for other in old.feeds()}:
        raise ConfigError(f"{feed.symbol} is in {path} already, as {feed.name}")
    line = _as_yaml(entry)
    by_hand = f"; add {line} to its symbols by hand, then run feedd start"
    try:
        new_text = _Symbols(text).with_last(line)
    except _UnsafeError as error:
        raise ConfigError(f"{path}: can't be edited safely: {error}{by_hand}") from None
    if yaml.safe_load(new_text)["symbols"][-1] != yaml.safe_load(line):
        raise ConfigError(f"{path}: can't be edited safely{by_hand}")
    _compare(old, parse_config(new_text, path), (*old.feeds(), feed), f"{path}{by_hand}")
    return new_text


def remove_symbol(text: str, path: Path, name: str) -> str:
    """Return the text without the feed of a program; errors name `path`.

    Raises ConfigError if it is the only one, or must be removed by hand.
    """
    old = parse_config(text, path)
    feeds = old.feeds()
    index = next(index for index, feed in enumerate(feeds) if feed.name == name)
    symbol = feeds[index].symbol
    if len(feeds) == 1:
        raise ConfigError(
            f"{symbol} is the only symbol of {path}, and a configuration needs one; "
            "to stop it, run feedd stop"
        )
    by_hand = f"; remove {symbol} from its symbols by hand, then run feedd start"
    try:
        new_text = _Symbols(text).without(index)
        new = parse_config(new_text, path)
    except (_UnsafeError, ConfigError) as error:
        raise ConfigError(f"{path}: can't be edited safely: {error}{by_hand}") from None
    _compare(old, new, feeds[:index] + feeds[index + 1 :], f"{path}{by_hand}")
    return new_text


def _compare(old: Config, new: Config, feeds: tuple[Feed, ...], what_else: str) -> None:
    """Reject an edit that changes anything else."""
    same = msgspec.structs.replace(new, symbols=old.symbols) == old
    if new.feeds() != feeds or not same:
        raise ConfigError(f"can't be edited safely: {what_else}")


def _as_yaml(entry: SymbolEntry) -> str:
    """Return an entry on one line: a plain scalar, or a flow map if it has settings."""
    settings = {
        key: value for key, value in msgspec.structs.asdict(entry).items() if value is not None
    }
    if settings.keys() == {"symbol"}:
        return _scalar(entry.symbol)
    parts = [
        f"{key}: [{', '.join(map(_scalar, value))}]"
        if isinstance(value, tuple)
        else f"{key}: {_scalar(value)}"
        for key, value in settings.items()
    ]
    return f"{{{', '.join(parts)}}}"


def _scalar(value: str | int) -> str:
    """Return a value as YAML, quoted only if YAML would not read it back otherwise."""
    try:
        plain = yaml.safe_load(f"[{value}]") == [value]
    except yaml.YAMLError:
        plain = False
    return str(value) if plain else json.dumps(value)


class _Symbols:
    """The sequence under `symbols:`, with the position of each part in the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        pairs: list[tuple[yaml.Node, yaml.Node]] = getattr(
            yaml.compose(text, yaml.SafeLoader), "value", []
        )
        key, self._node = next((k, v) for k, v in pairs if k.value == "symbols")
        self._items: list[yaml.Node] = self._node.value
        self._flow = isinstance(self._node, yaml.CollectionNode) and bool(self._node.flow_style)
        begin, end = self._node.start_mark.index, self._node.end_mark.index
        tokens = list(yaml.scan(text, yaml.SafeLoader))
        inside = [t for t in tokens if key.end_mark.index <= t.start_mark.index < end]
        for token in inside:
            if isinstance(token, (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)):
                raise _UnsafeError("its symbols contain anchors, aliases or tags")
        if begin < key.end_mark.index or any(_is_block_scalar(item) for item in self._items):
            raise _UnsafeError("its symbols are written in a form that feedd does not edit")
        wanted = yaml.FlowEntryToken if self._flow else yaml.BlockEntryToken
        self._separators = [t.start_mark for t in inside if isinstance(t, wanted)]

    def with_last(self, line: str) -> str:
        """Return the text with an item added after the last one."""
        return self._with_last_flow(line) if self._flow else self._with_last_block(line)

    def without(self, index: int) -> str:
        """Return the text without an item and the comments on its lines."""
        return self._without_flow(index) if self._flow else self._without_block(index)

    def _with_last_block(self, line: str) -> str:
        text, item = self._text, self._items[-1]
        begin, (end, after) = self._block_lines(len(self._items) - 1)
        dash = self._dash(len(self._items) - 1)
        gap = text[dash + 1 : item.start_mark.index]
        if _BREAK.search(gap):
            gap = " "
        new = f"{text[begin:dash]}-{gap}{line}"
        if end == after:  # the last line of the file, without a newline
            return f"{text[:end]}{self._newline(begin)}{new}{text[end:]}"
        return f"{text[:after]}{new}{text[end:after]}{text[after:]}"

    def _without_block(self, index: int) -> str:
        begin, (end, after) = self._block_lines(index)
        if end == after and begin:  # the last line keeps its missing newline
            previous = list(_BREAK.finditer(self._text, 0, begin))[-1]
            begin = previous.start()
        return self._text[:begin] + self._text[after:]

    def _with_last_flow(self, line: str) -> str:
        text, item = self._text, self._items[-1]
        last = item.end_mark.index
        comma = self._comma(len(self._items) - 1)
        begin, tail = self._line_start(item.start_mark), last if comma is None else comma + 1
        if not self._is_alone(begin, item.start_mark.index, tail):
            return f"{text[:last]}, {line}{text[last:]}"
        end, after = _line_end(text, tail)
        indent = text[begin : item.start_mark.index]
        here, there = (",", "") if comma is None else ("", ",")
        rest = f"{text[last:after]}{indent}{line}{there}{text[end:after]}"
        return f"{text[:last]}{here}{rest}{text[after:]}"

    def _without_flow(self, index: int) -> str:
        text, item = self._text, self._items[index]
        start, last = item.start_mark.index, item.end_mark.index
        comma, before = self._comma(index), self._comma(index - 1) if index else None
        begin, tail = self._line_start(item.start_mark), last if comma is None else comma + 1
        following = self._items[index + 1 :]
        cuts = [(start, tail)]
        if self._is_alone(begin, start, tail):
            cuts = [(begin, _line_end(text, tail)[1])]
            if comma is None and before is not None:
                cuts.append((before, before + 1))
        elif following:
            next_start = following[0].start_mark.index
            if _BREAK.search(text, tail, next_start):
                cuts = [(len(text[:start].rstrip(" \t")), tail)]
            else:
                cuts = [(start, next_start)]
        elif before is not None and "#" not in text[before:start]:
            cuts = [(self._items[index - 1].end_mark.index, last)]
        elif comma is None and before is not None:
            cuts.append((before, before + 1))
        for cut_begin, cut_end in sorted(cuts, reverse=True):
            text = text[:cut_begin] + text[cut_end:]
        return text

    def _dash(self, index: int) -> int:
        column = self._node.start_mark.column
        dashes = [mark for mark in self._separators if mark.column == column]
        if len(dashes) != len(self._items):
            raise _UnsafeError("not every symbol has its own dash")
        return int(dashes[index].index)

    def _block_lines(self, index: int) -> tuple[int, tuple[int, int]]:
        """Return where the lines of an item begin, and where they end without and with a break."""
        dash, last = self._dash(index), _end(self._items[index])
        begin = dash - self._node.start_mark.column
        if not self._is_alone(begin, dash, last):
            raise _UnsafeError("a symbol shares its line with something else")
        return begin, _line_end(self._text, last)

    def _comma(self, index: int) -> int | None:
        """Return the position of the comma after an item of a flow sequence."""
        last = self._items[index].end_mark.index
        after = self._items[index + 1 :]
        limit = after[0].start_mark.index if after else self._node.end_mark.index
        marks = (mark.index for mark in self._separators if last <= mark.index < limit)
        return next(marks, None)

    def _is_alone(self, begin: int, start: int, end: int) -> bool:
        """Whether only spaces precede it on its line, and only spaces or a comment follow."""
        line_end, _ = _line_end(self._text, end)
        return bool(
            _BLANK.fullmatch(self._text, begin, start)
            and _BLANK_OR_COMMENT.fullmatch(self._text, end, line_end)
        )

    def _line_start(self, mark: yaml.Mark) -> int:
        return int(mark.index - mark.column)

    def _newline(self, begin: int) -> str:
        """Return the line break before a position, as this file writes it."""
        breaks = list(_BREAK.finditer(self._text, 0, begin))
        return breaks[-1].group() if breaks else "\n"


def _end(node: yaml.Node) -> int:
    """Return where a node's text ends; a block's own mark is where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        children = node.value
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        return max(_end(child) for child in children)
    return int(node.end_mark.index)


def _is_block_scalar(node: yaml.Node) -> bool:
    """Whether a node contains a `|` or `>` scalar, whose end mark is beyond its text."""
    if isinstance(node, yaml.ScalarNode):
        return node.style in {"|", ">"}
    children = node.value
    if isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    return any(_is_block_scalar(child) for child in children)


def _line_end(text: str, index: int) -> tuple[int, int]:
    """Return where the line of a position ends, without and with its break."""
    found = _BREAK.search(text, index)
    return found.span() if found else (len(text), len(text))
