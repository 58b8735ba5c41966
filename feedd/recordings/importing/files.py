"""Reading of imported files: UTF-8 text, plain or packed; errors with file and line.

Memory is bounded: a file is read line by line, and a line has at most `LINE_AT_MOST` characters.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import zstandard

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINE_AT_MOST = 32 * 1024 * 1024
GZIP_MAGIC, ZSTD_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
PARQUET_MAGIC, RECORDING_MAGIC = b"PAR1", b"FDR1"
# What a file is that is neither text nor packed text, by its first bytes.
_BINARY = {
    RECORDING_MAGIC: "a recording of feedd, which needs no import; see `feedd inspect`, `feedd "
    "replay` and `feedd export`",
    b"ARROW1": "an Arrow (Feather) file; write it as Parquet or CSV",
    b"\x89HDF": "an HDF5 file; write its tables as Parquet or CSV",
    b"SQLite format 3": "a SQLite database; write its tables as CSV",
    b"BZh": "packed with bzip2; unpack it (bunzip2)",
    b"\xfd7zXZ": "packed with xz; unpack it (unxz)",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}
_IGNORED = (".CHECKSUM", ".md", ".DS_Store")  # beside the tables of an archive


class NoEventsError(ConfigError):
    """A file that is understood and has no event; one of several is left out."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to import, or a member of a zip archive."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        return Path(self.member).name if self.member else self.path.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the folders and of the file."""
        return (*self.path.absolute().parts, *Path(self.member).parts)

    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return not self.member and _start(self.path).startswith(PARQUET_MAGIC)


def input_files(paths: Iterable[Path]) -> list[InputFile]:
    """Return the files of folders and the members of zip archives; raise ConfigError for none."""
    found: list[InputFile] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and _counts(one))
            if not inside:
                raise ConfigError(f"{path}: the folder has no files")
            for one in inside:
                found += _members(one)
        else:
            found += _members(path)
    return found


def rows(file: InputFile | Path) -> Iterator[str]:
    """Yield a file's lines with their line ends; raise ConfigError if it can't be read."""
    one = file if isinstance(file, InputFile) else InputFile(file)
    number = 0
    try:
        with _opened(one) as text:
            for number, line in enumerate(iter(partial(text.readline, LINE_AT_MOST), ""), 1):
                if len(line) == LINE_AT_MOST:
                    raise wrong(
                        one, number, None,
                        f"is longer than {LINE_AT_MOST // 1024**2} MiB; write a message or a row "
                        "a line",
                    )  # fmt: skip
                yield line
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, zipfile.BadZipFile,
            zstandard.ZstdError, RuntimeError, NotImplementedError) as error:  # fmt: skip
        if isinstance(error, UnicodeDecodeError):
            raise ConfigError(f"{one}: is not UTF-8 text: {error}") from None
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, EOFError | zlib.error) and not one.member:
            why += f"; unpack the readable part (gzip -dc {one.name} > NAME) and cut its last line"
        raise ConfigError(f"{one}: can't be read to its end: {why}") from None


def wrong(path: InputFile | Path, line: int | str, column: str | None, why: str) -> ConfigError:
    """Return the error for a line and column; `why` is the fault and its remedy.

    A `line` that is not a number describes the place itself: `element 3`.
    """
    place = f"line {line}" if isinstance(line, int) else line
    where = f"{path}, {place}" + ("" if column is None else f", {column}")
    return ConfigError(f"{where}: {why}")


def shortened(text: str) -> str:
    """Return a line, quoted and shortened for an error."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _counts(path: Path) -> bool:
    return not path.name.endswith(_IGNORED) and not path.name.startswith(".")


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None


def _members(path: Path) -> list[InputFile]:
    """Return the file, or the tables in a zip archive; raise ConfigError for binary files."""
    if not _start(path).startswith(ZIP_MAGIC):
        return [InputFile(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path}: the zip archive can't be read: {error}") from None
    if "[Content_Types].xml" in names:
        raise ConfigError(f"{path}: is an Excel workbook; save its sheet as CSV")
    members = [
        name for name in names
        if not name.endswith("/") and "__MACOSX" not in name and _counts(Path(name))
    ]  # fmt: skip
    if not members:
        raise ConfigError(f"{path}: the zip archive has no files")
    return [InputFile(path, name) for name in members]


@contextmanager
def _opened(file: InputFile) -> Iterator[IO[str]]:
    with ExitStack() as opened:
        data: Any
        if file.member:
            archive = opened.enter_context(zipfile.ZipFile(file.path))
            data = opened.enter_context(archive.open(file.member))
        else:
            data = opened.enter_context(file.path.open("rb"))
        start = data.read(16)
        data.seek(0)
        _check_text(file, start)
        if start.startswith(GZIP_MAGIC):
            data = opened.enter_context(gzip.open(data))
        elif start.startswith(ZSTD_MAGIC):
            data = opened.enter_context(zstandard.open(data))
        # Line ends are not translated: a CSV field may contain one.
        yield opened.enter_context(io.TextIOWrapper(data, encoding="utf-8-sig", newline=""))


def _check_text(file: InputFile, start: bytes) -> None:
    """Raise ConfigError for a file, or member of an archive, that is neither text nor packed."""
    for magic, what in _BINARY.items():
        if start.startswith(magic):
            raise ConfigError(f"{file}: is {what}")
    if start.startswith(ZIP_MAGIC):
        raise ConfigError(f"{file}: is a zip archive in a zip archive; unpack it")
