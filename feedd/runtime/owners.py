"""Reasons of refused access to files, with the user that owns them."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def why_refused(error: OSError, path: Path) -> str:
    """Return an error's reason; where access is denied to another user's file, name that user."""
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError):
        owner = foreign_owner(path)
        if owner is not None:
            reason += f": it belongs to user {owner}; run the command as {owner}"
    return reason


def foreign_owner(path: Path) -> str | None:
    """Return the owner of a path, or of its nearest folder that can be seen; None for this user."""
    for one in (path, *path.absolute().parents):
        try:
            uid = one.stat().st_uid
        except OSError:
            continue
        return None if uid == os.geteuid() else user_name(uid)
    return None


def user_name(uid: int) -> str:
    """Return the name of a user; one without a name has its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
