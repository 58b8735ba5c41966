"""The names that `feedd.` offers."""

from __future__ import annotations

import feedd


def test_dir_lists_the_public_names_and_no_module() -> None:
    assert sorted(dir(feedd)) == sorted([*feedd.__all__, "__version__"])


def test_the_help_begins_with_every_public_name() -> None:
    words = set((feedd.__doc__ or "").replace("(", " ").split())
    assert set(feedd.__all__) <= words


def test_every_public_name_can_be_used() -> None:
    assert all(getattr(feedd, name) is not None for name in feedd.__all__)
