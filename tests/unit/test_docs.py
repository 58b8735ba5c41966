"""Documents for users and contributors: their links, paths, commands and options exist."""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import pytest

import feedd
from feedd.cli.main import main

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
TEXTS = {path: path.read_text() for path in DOCUMENTS}
documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```(\w*)\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOP_LEVEL = "feedd|workers|tests|docs|config|scripts|examples|bench"
PATH = re.compile(rf"(?<![\w./:-])(?:{TOP_LEVEL})/[\w./-]*\w/?")
MADE_BY_A_RUN = ("bench/results", "config/try.yaml")  # or by the reader
FUNCTION = re.compile(r"`([\w/]+\.py)` (?:→ )?`(\w+(?:\.\w+)?)`")
COMMAND = re.compile(
    r"(?:^|(?<=[\s(]))(?:\.venv/bin/)?feedd (?:--config \S+ )?([a-z]+)((?: [^#|;)\n]*)?)"
)
MAKE = re.compile(r"(?:^|(?<=[\s(]))make (?:[A-Z_]+=\S+ )*([a-z][\w-]*)")
OPTION = re.compile(r"(?<!\S)\[?(--[a-z][\w-]*)")


def in_code(text: str) -> list[str]:
    """Return the lines of shell blocks, without comments, and the inline code of a document."""
    found = []
    for language, block, inline in CODE.findall(text):
        found += re.sub(r"(?:^|\s)#.*", "", block).splitlines() if language in {"", "sh"} else []
        found += [inline] if inline else []
    return found


def anchors(text: str) -> set[str]:
    """Return the anchors that a renderer gives to headings."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@cache
def help_of(command: str) -> str:
    """Return a command's help; fail where there is no such command."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as shown:
        patch.setattr(sys, "argv", ["feedd", command, "--help"])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code, f"feedd {command}"
    return shown.getvalue()


@documents
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(TEXTS[path]):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


@documents
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    for code in in_code(TEXTS[path]):
        for name in PATH.findall(code):
            if not name.startswith(MADE_BY_A_RUN):
                assert (REPOSITORY / name).exists(), name


@documents
def test_every_function_named_beside_its_file_is_there(path: Path) -> None:
    for name, function in FUNCTION.findall(TEXTS[path]):
        source = (REPOSITORY / name).read_text()
        for part in function.split("."):
            assert re.search(rf"\b(?:def|class) {part}\b", source), f"{name}: {function}"


@documents
def test_every_feedd_command_and_option_exists(path: Path) -> None:
    for code in in_code(TEXTS[path]):
        for command, rest in COMMAND.findall(code):
            text = help_of(command)
            for option in OPTION.findall(rest.partition(" -- ")[0]):
                assert re.search(rf"{option}(?![\w-])", text), f"feedd {command} {option}"


@documents
def test_every_make_target_exists(path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    rules = re.findall(r"^([\w -]+):(?!=)", makefile, re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    for code in in_code(TEXTS[path]):
        for target in MAKE.findall(code):
            assert target in targets, f"make {target}"


@documents
def test_every_name_of_the_package_that_a_document_uses_is_public(path: Path) -> None:
    names = re.findall(r"\bfeedd\.(\w+)", "".join(PYTHON_BLOCK.findall(TEXTS[path])))
    for code in in_code(TEXTS[path]):
        names += re.findall(r"\bfeedd\.(\w+)\(", code)
    assert set(names) <= set(feedd.__all__)


@documents
def test_no_document_names_a_path_of_a_developers_machine(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:work|home|root|Users)/", TEXTS[path])


def test_every_pattern_of_these_tests_finds_something() -> None:
    text = "".join(TEXTS.values())
    code = "\n".join(in_code(text))
    assert all(pattern.search(text) for pattern in (LINK, FUNCTION, PYTHON_BLOCK))
    assert all(pattern.search(code) for pattern in (PATH, COMMAND, MAKE, OPTION))
