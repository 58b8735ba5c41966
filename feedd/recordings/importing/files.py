"""Reading of imported files: UTF-8 text, optionally gzipped; errors with file and line."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

GZIP_MAGIC = b"\x1f\x8b"
NS_AT_LEAST, NS_BELOW = 10**17, 10**19  # 1973 to 2286; a smaller number is in µs, ms or s
MS_AT_LEAST, MS_BELOW = 10**11, 10**13


def rows(path: Path) -> Iterator[str]:
    """Yield a file's lines with their line ends; raise ConfigError if it can't be read."""
    try:
        with _opened(path) as file:
            yield from file
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, EOFError | zlib.error):
            why += f"; unpack the readable part (gzip -dc {path.name} > NAME) and cut its last line"
        raise ConfigError(f"{path}: can't be read to its end: {why}") from None


def wrong(path: Path, line: int, column: str | None, why: str) -> ConfigError:
    """Return the error for a line and column; `why` is the fault and its remedy."""
    where = f"{path}, line {line}" + ("" if column is None else f", {column}")
    return ConfigError(f"{where}: {why}")


def shortened(text: str) -> str:
    """Return a line, quoted and shortened for an error."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    # Line ends are not translated: a CSV field may contain one.
    if zipped:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
