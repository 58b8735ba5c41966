"""Venue names stay in the venues' folders."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import feedd
from feedd.venues.registry import VENUES

ROOT = Path(feedd.__file__).parent
EXEMPT = ("venues", "embedded")
NAMES = re.compile(rf"(?<![a-z])({'|'.join(VENUES)})")  # `gate` is not in `aggregate`
FILES = sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in EXEMPT)


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
        for field in ("id", "attr", "arg", "name", "module", "value"):
            text = getattr(node, field, None)
            if isinstance(text, str):
                found.append(text)
    return found


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_generic_code_contains_no_venue_name(path: Path) -> None:
    """Comments and docstrings may name a venue as the reason for something."""
    named = [word for word in words(ast.parse(path.read_text())) if NAMES.search(word.lower())]
    assert named == []
