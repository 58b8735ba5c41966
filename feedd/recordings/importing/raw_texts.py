"""Texts of a file of raw messages: its lines, or the elements of a JSON array."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from feedd.errors import ConfigError
from feedd.recordings.importing.files import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.importing.files import InputFile

ARRAY_AT_MOST = 64 * 1024 * 1024  # an array is parsed as a whole

_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


def raw_texts(file: InputFile) -> Iterator[tuple[int | str, str]]:
    """Yield the lines without their ends, numbered; of an array, the elements (`element 1`).

    Raises ConfigError for a file that can't be read and for an array that is not JSON.
    """
    lines = rows(file)
    skipped = 0
    first = ""
    for first in lines:
        if first.strip():
            break
        skipped += 1
    if not first.lstrip().startswith("["):
        for number, line in enumerate(chain([first], lines), skipped + 1):
            yield number, line.rstrip("\r\n")
        return
    for number, element in enumerate(array_elements(file, chain([first], lines)), 1):
        yield f"element {number}", bytes(element).decode()


def array_elements(file: InputFile, lines: Iterator[str]) -> list[msgspec.Raw]:
    """Return the elements of an array; raise ConfigError for another text, and a long one."""
    parts, size = [], 0
    for line in lines:
        size += len(line)
        if size > ARRAY_AT_MOST:
            raise ConfigError(
                f"{file}: a JSON array of more than {ARRAY_AT_MOST // 1024**2} MiB is not read; "
                "write an element a line (jq -c '.[]')"
            )
        parts.append(line)
    try:
        return _elements("".join(parts))
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: begins like a JSON array, but is not one: {error}") from None
