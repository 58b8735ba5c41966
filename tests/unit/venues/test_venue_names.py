"""Venue names stay in the venues' folders."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from feedd.venues.registry import VENUES

REPOSITORY = Path(__file__).parents[3]
EXEMPT = ("feedd/venues/", "feedd/embedded/")
# `gate` is neither in `aggregate` nor in `gateway`.
NAMES = re.compile(rf"(?<![a-z])({'|'.join(VENUES)})(?!way)")
CLIENT = "feedd/client/"
ENGLISH = re.compile(r"(deployment)?_?gate\b")  # the client's, not the exchange
FILES = [
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("feedd", "workers")
    for path in sorted(REPOSITORY.joinpath(folder).rglob("*.py"))
]
GENERIC = [name for name in FILES if not name.startswith(EXEMPT)]


def words(tree: ast.AST) -> list[str]:
    """Return every name, attribute, argument, import and text of a module but its docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) in docstrings:
            continue
        for field in ("id", "attr", "arg", "name", "asname", "module", "value"):
            text = getattr(node, field, None)
            if isinstance(text, str):
                found.append(text)
            elif isinstance(text, bytes):
                found.append(text.decode("latin-1"))
    return found


def test_there_are_files_to_check() -> None:
    assert len(GENERIC) > 150
    assert "workers/feed.py" in GENERIC
    assert "feedd/__init__.py" in GENERIC


@pytest.mark.parametrize("name", GENERIC)
def test_generic_code_contains_no_venue_name(name: str) -> None:
    """Comments and docstrings may name a venue as the reason for something."""
    tree = ast.parse((REPOSITORY / name).read_text())
    found = [word.lower() for word in (name, *words(tree))]
    if name.startswith(CLIENT):
        found = [ENGLISH.sub("", word) for word in found]
    assert [word for word in found if NAMES.search(word)] == []
