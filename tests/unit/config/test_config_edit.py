"""Edits of the configuration file: add or remove a symbol, and keep every other byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.config.edit import add_symbol, remove_symbol
from feedd.config.load import parse_config
from feedd.config.settings import SymbolEntry
from feedd.errors import ConfigError
from feedd.runtime.files import replace_user_file

PATH = Path("feedd.yaml")
SOL = SymbolEntry(symbol="SOL/USDT:USDT")


def name(symbol: str) -> str:
    return f"feed-binanceusdm-{symbol}-USDT-USDT"


ADDED = [
    # A block, with comments behind, between and after the symbols.
    (
        ("symbols: # mine\n  - BTC/USDT:USDT   # first\n\n  # the second\n  - 'ETH/USDT'\n"
        "  # - XRP/USDT\n\nbase_port: 5600\n"),
        ("symbols: # mine\n  - BTC/USDT:USDT   # first\n\n  # the second\n  - 'ETH/USDT'\n"
        "  - SOL/USDT:USDT\n  # - XRP/USDT\n\nbase_port: 5600\n"),
    ),
    # Without indentation, and with more blanks behind the dash.
    ("symbols:\n-  A/USDT\nrun_dir: r\n", "symbols:\n-  A/USDT\n-  SOL/USDT:USDT\nrun_dir: r\n"),
    # The end of the file without a newline.
    ("symbols:\n  - A/USDT", "symbols:\n  - A/USDT\n  - SOL/USDT:USDT"),
    ("symbols:\n  - A/USDT # x", "symbols:\n  - A/USDT # x\n  - SOL/USDT:USDT"),
    # CR LF, at the end of the file too.
    ("symbols:\r\n  - A/USDT\r\n", "symbols:\r\n  - A/USDT\r\n  - SOL/USDT:USDT\r\n"),
    ("symbols:\r\n  - A/USDT", "symbols:\r\n  - A/USDT\r\n  - SOL/USDT:USDT"),
    # A byte order mark, a document's start and end.
    ("\ufeffsymbols:\n- A/USDT\n", "\ufeffsymbols:\n- A/USDT\n- SOL/USDT:USDT\n"),
    ("---\nsymbols:\n- A/USDT\n...\n", "---\nsymbols:\n- A/USDT\n- SOL/USDT:USDT\n...\n"),
    # Maps over several lines, one with a nested sequence.
    (
        ("symbols:\n  - symbol: A/USDT\n    # its\n    channels:\n    - quote\n    - trade\n"
        "    # end\nlog_dir: l\n"),
        ("symbols:\n  - symbol: A/USDT\n    # its\n    channels:\n    - quote\n    - trade\n"
        "  - SOL/USDT:USDT\n    # end\nlog_dir: l\n"),
    ),
    ("symbols:\n  -\n    symbol: A/USDT\n",
     "symbols:\n  -\n    symbol: A/USDT\n  - SOL/USDT:USDT\n"),
    ("symbols:\n  - {symbol: A/USDT,\n     port: 1} # x\n",
     "symbols:\n  - {symbol: A/USDT,\n     port: 1} # x\n  - SOL/USDT:USDT\n"),
    # Flow, on one line and on several.
    ("symbols: [A/USDT, B/USDT]  # two\n", "symbols: [A/USDT, B/USDT, SOL/USDT:USDT]  # two\n"),
    ("symbols: [ A/USDT, ]\n", "symbols: [ A/USDT, SOL/USDT:USDT, ]\n"),
    ("symbols: [A/USDT,\n          B/USDT]\n",
     "symbols: [A/USDT,\n          B/USDT, SOL/USDT:USDT]\n"),
    ("symbols: [\n  A/USDT,  # one\n  B/USDT   # two\n  # end\n]\n",
     "symbols: [\n  A/USDT,  # one\n  B/USDT,   # two\n  SOL/USDT:USDT\n  # end\n]\n"),
    ("symbols: [\r\n  A/USDT,\r\n  B/USDT,\r\n]",
     "symbols: [\r\n  A/USDT,\r\n  B/USDT,\r\n  SOL/USDT:USDT,\r\n]"),
    ("symbols:\n  [A/USDT, # x\n   B/USDT # y\n  ]\n",
     "symbols:\n  [A/USDT, # x\n   B/USDT, # y\n   SOL/USDT:USDT\n  ]\n"),
    ('{"base_port": 6000, "symbols": ["A/USDT"]}\n',
     '{"base_port": 6000, "symbols": ["A/USDT", SOL/USDT:USDT]}\n'),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ADDED)
def test_a_symbol_is_added_and_removed_and_no_other_byte_changes(before: str, after: str) -> None:
    assert add_symbol(before, PATH, SOL) == after
    assert remove_symbol(after, PATH, name("SOL")) == before


@pytest.mark.parametrize(
    ("before", "symbol", "after"),
    [
        ("symbols:\n  # a\n  - A/USDT # x\n  # b\n  - B/USDT\n", "A",
         "symbols:\n  # a\n  # b\n  - B/USDT\n"),
        ("symbols:\n- A/USDT\n- symbol: B/USDT\n  # b\n  channels: [quote]  # x\n\n- C/USDT\n", "B",
         "symbols:\n- A/USDT\n\n- C/USDT\n"),
        ("symbols:\n- A/USDT\n- B/USDT", "B", "symbols:\n- A/USDT"),
        ("symbols:\n- A/USDT\n- B/USDT", "A", "symbols:\n- B/USDT"),
        ("symbols:\r\n- A/USDT\r\n- B/USDT", "B", "symbols:\r\n- A/USDT"),
        ("symbols: [A/USDT, B/USDT, C/USDT]", "A", "symbols: [B/USDT, C/USDT]"),
        ("symbols: [A/USDT, B/USDT, C/USDT]", "B", "symbols: [A/USDT, C/USDT]"),
        ("symbols: [A/USDT, B/USDT,]", "B", "symbols: [A/USDT,]"),
        ("symbols: [A/USDT, B/USDT,\n  C/USDT]", "B", "symbols: [A/USDT,\n  C/USDT]"),
        ("symbols: [A/USDT, # a\n  B/USDT]", "A", "symbols: [ # a\n  B/USDT]"),
        ("symbols: [A/USDT, # a\n  B/USDT]", "B", "symbols: [A/USDT # a\n  ]"),
        ("symbols: [A/USDT, # a\n  B/USDT,]", "B", "symbols: [A/USDT, # a\n  ]"),
        ("symbols: [\n  A/USDT, # a\n  # about b\n  {symbol: B/USDT,\n  port: 1}, #b\n  C/USDT\n]",
         "B", "symbols: [\n  A/USDT, # a\n  # about b\n  C/USDT\n]"),
        ("symbols: [\n  A/USDT,\n  B/USDT # b\n]", "B", "symbols: [\n  A/USDT\n]"),
    ],
)  # fmt: skip
def test_a_symbol_is_removed_with_its_lines_and_their_comments(
    before: str, symbol: str, after: str
) -> None:
    assert remove_symbol(before, PATH, name(symbol)) == after


def test_settings_make_a_map_of_it() -> None:
    entry = SymbolEntry("SOL/USDT", exchange="bybit", port=6000, channels=("quote", "trade"))
    assert add_symbol("symbols: [A/USDT]", PATH, entry) == (
        "symbols: [A/USDT, {symbol: SOL/USDT, exchange: bybit, port: 6000, "
        "channels: [quote, trade]}]"
    )


def test_a_symbol_that_yaml_reads_as_something_else_is_quoted() -> None:
    text = "exchange: bybit\nsymbols:\n- A/USDT\n"
    assert add_symbol(text, PATH, SymbolEntry("1_000")) == text + '- "1_000"\n'
    assert add_symbol(text, PATH, SymbolEntry("{X}")) == text + '- "{X}"\n'


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_an_existing_symbol_is_not_added_again(symbol: str) -> None:
    with pytest.raises(ConfigError, match=r"BTC/USDT:USDT is in feedd\.yaml already"):
        add_symbol("symbols: [{symbol: BTC/USDT, port: 6000}]", PATH, SymbolEntry(symbol))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (SymbolEntry("B/USDT", port=6000), r"port: 6000 is symbols\[0\]'s already"),
        (SymbolEntry("B/USDT", port=5500), "5500 is the proxy's"),
        (SymbolEntry("B/USDT", port=70000), "port: must be at most"),
        (SymbolEntry("B/USDT", channels=("qote",)), "'qote' is not one of ticker"),
        (SymbolEntry("B/USDT", channels=("quote", "quote")), "quote appears twice"),
        (SymbolEntry("B USDT"), "not a symbol"),
        (SymbolEntry("B/USDT", exchange="by-bit"), "is not an exchange"),
    ],
)
def test_an_invalid_symbol_is_rejected_with_the_loaders_reason(
    entry: SymbolEntry, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        add_symbol("symbols: [{symbol: A/USDT, port: 6000}]\n", PATH, entry)


@pytest.mark.parametrize(
    "text",
    [
        "symbols: &all [A/USDT, B/USDT]\n",
        "symbols:\n- {symbol: A/USDT, channels: &c [quote]}\n- {symbol: B/USDT, channels: *c}\n",
        "channels: &c [quote]\nsymbols:\n- A/USDT\n- {symbol: B/USDT, channels: *c}\n",
        "log_dir: &a A/USDT\nsymbols:\n- B/USDT\n- *a\n",
        "symbols: !!seq [A/USDT, B/USDT]\n",
        "symbols:\n- >-\n  A/USDT\n- |-\n  B/USDT\n",
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_left_unchanged(text: str) -> None:
    with pytest.raises(ConfigError, match=r"edited safely.*add SOL/USDT:USDT .* by hand"):
        add_symbol(text, PATH, SOL)
    with pytest.raises(ConfigError, match=r"edited safely.*remove B/USDT:USDT .* by hand"):
        remove_symbol(text, PATH, name("B"))


def test_the_only_symbol_stays() -> None:
    with pytest.raises(ConfigError, match="a configuration needs one"):
        remove_symbol("symbols: [A/USDT]", PATH, name("A"))


BREAKS = st.sampled_from(["\n", "\r\n"])
COMMENTS = st.sampled_from(["", "", " # it's [one], {two}: - three", "   #"])
BETWEEN = st.sampled_from(["", "", "\n", "  # between\n", "# - XRP/USDT\n"])
FORMS = st.sampled_from(
    [
        "{0}/USDT", "{0}/USDT:USDT", "'{0}/USDT'", '"{0}/USDT"',
        "{{symbol: {0}/USDT}}", "{{symbol: {0}/USDT, channels: [quote, trade]}}",
    ]
)  # fmt: skip
BLOCK_FORMS = FORMS | st.sampled_from(
    ["symbol: {0}/USDT\n#channels: [quote]", "channels:\n#  - quote\n#symbol: {0}/USDT"]
)
NAMES = ["AA", "BB", "CC", "DD"]


@st.composite
def block_documents(draw: st.DrawFn) -> str:
    indent = draw(st.sampled_from(["", "  ", "     "]))
    gap = draw(st.sampled_from([" ", "   "]))
    lines = []
    for number in range(draw(st.integers(1, 4))):
        form = draw(BLOCK_FORMS).format(NAMES[number]).replace("#", " " * len(f"{indent}-{gap}"))
        lines.append(draw(BETWEEN) + f"{indent}-{gap}{form}{draw(COMMENTS)}\n")
    rest = draw(st.sampled_from(["", "\n# end\n", "base_port: 6000\n", "\n\nlog_dir: x # y\n"]))
    text = f"# head\n\nchannels: [quote]\nsymbols:{draw(COMMENTS)}\n{''.join(lines)}{rest}"
    return draw_ends(draw, text)


@st.composite
def flow_documents(draw: st.DrawFn) -> str:
    space = st.sampled_from(["", " ", "\n  ", " # c\n  ", "\n\n  # d\n  "])
    count = draw(st.integers(1, 4))
    text = "symbols: [" + draw(space)
    for number in range(count):
        comma = "," if number < count - 1 else draw(st.sampled_from(["", ","]))
        text += draw(FORMS).format(NAMES[number]) + comma + draw(space)
    rest = draw(st.sampled_from(["\n", " # end\n", "\nbase_port: 6000\n"]))
    return draw_ends(draw, f"{text}]{rest}")


def draw_ends(draw: st.DrawFn, text: str) -> str:
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    return text.replace("\n", draw(BREAKS))


@given(block_documents() | flow_documents())
def test_whatever_is_added_and_removed_again_leaves_the_same_bytes(text: str) -> None:
    longer = add_symbol(text, PATH, SOL)
    assert len(parse_config(longer, PATH).feeds()) == len(parse_config(text, PATH).feeds()) + 1
    assert remove_symbol(longer, PATH, name("SOL")) == text


@given(block_documents() | flow_documents(), st.data())
def test_whatever_is_removed_takes_only_its_own_lines(text: str, data: st.DataObject) -> None:
    feeds = parse_config(text, PATH).feeds()
    if len(feeds) == 1:
        return
    gone = data.draw(st.sampled_from(feeds))
    shorter = remove_symbol(text, PATH, gone.name)
    assert parse_config(shorter, PATH).feeds() == tuple(feed for feed in feeds if feed != gone)
    left = iter(text)
    assert all(character in left for character in shorter), "something was put in"
    if "symbols: [" not in text:
        assert text.count("#") - shorter.count("#") <= 1


def test_a_file_is_rewritten_with_its_mode_and_behind_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to("real.yaml")
    replace_user_file(link, "new\r\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"new\r\n"
    assert real.stat().st_mode & 0o7777 == 0o640
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_file_that_can_not_be_rewritten_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text("old")
    (tmp_path / f".feedd.yaml.{os.getpid()}").mkdir()
    with pytest.raises(ConfigError, match="can't be written"):
        replace_user_file(path, "new")
    assert path.read_text() == "old"
