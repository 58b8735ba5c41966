"""Paths in supervisord's configuration: how they are written, and which can't be.

supervisord.conf names nothing but `%(here)-s`, the folder of supervisord.conf: supervisord replaces
the usual `%(here)s` before it expands `%`, splits and globs the value, so that a space or a percent
sign in the path breaks it. The `-`, which means left-aligned, changes nothing but that.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from feedd.errors import ConfigError
from feedd.runtime.terminal import printable

HERE = "%(here)-s"
SOCKET_PATH_BYTES = 107  # sockaddr_un, unix(7)
LONGEST_SUFFIX = ".4194304"  # supervisord binds a name with its pid, and then links it
SUPERVISOR_SOCKET = Path("run/supervisor.sock")


def check_root(root: Path) -> None:
    """Raise ConfigError if supervisord can't run in a folder because of the folder's path."""
    path = os.path.abspath(root)  # noqa: PTH100  a link's own path counts where it is used
    if found := re.search(r"[*?\[]", path):
        raise ConfigError(
            f"{printable(path)}: supervisord reads the {found[0]} in the folder's path as a "
            "pattern; rename the folder"
        )
    check_path(path, "the folder's path", "rename the folder")
    socket = os.path.join(path, SUPERVISOR_SOCKET)  # noqa: PTH118
    limit = SOCKET_PATH_BYTES - len(LONGEST_SUFFIX)
    if len(os.fsencode(socket)) > limit:
        raise ConfigError(
            f"{printable(socket)}: is longer than {limit} bytes, the limit for supervisord's "
            "socket; move the project to a shorter path"
        )


def check_path(path: str | Path, what: str, remedy: str) -> None:
    """Raise ConfigError for a path that no text file can hold as one line of UTF-8."""
    text = str(path)
    if found := re.search(r"[\n\r]", text):
        name = "line break" if found[0] == "\n" else "carriage return"
        raise ConfigError(f"{printable(text)}: {what} contains a {name}; {remedy}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{printable(text)}: {what} is not valid UTF-8; {remedy}") from None


def command_text(words: list[str]) -> str:
    """Return a command as supervisord's `command` reads it, back into exactly these words."""
    return " ".join(_quoted(word) for word in words)


def log_file_text(root: Path, log_dir: Path, name: str) -> str:
    """Return the value of a log file's setting, which supervisord expands twice.

    Raises ConfigError for a folder that can't be written there.
    """
    within = log_dir.relative_to(root) if log_dir.is_relative_to(root) else log_dir
    path = str(within)
    check_path(path, "log_dir", "choose another folder")
    if found := re.search(r"\s[;#]|%\(here\)s", path):  # configparser begins a comment there
        raise ConfigError(
            f"log_dir: supervisord can't read {found[0]!r} in {path!r}; choose another folder"
        )
    text = str(within / name).replace("%", "%%%%")
    return text if within.is_absolute() else f"%{HERE}/{text}"


def _quoted(word: str) -> str:
    """Return a word for shlex.split, with each special character quoted alone.

    So none follows a space, where configparser would start a comment, and no `%(here)s` remains.
    """
    return re.sub(r"[^A-Za-z0-9_@+=:,./-]", _quoted_character, word) or "''"


def _quoted_character(found: re.Match[str]) -> str:
    character = found[0]
    if character == "'":
        return '"\'"'
    return f"'{character}'".replace("%", "%%")
