"""Checks of the folders and files that a configuration names, before anything is started."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.config.load import place_of
from feedd.errors import ConfigError
from feedd.runtime.owners import why_refused

SOCKET_PATH_BYTES = 107  # sockaddr_un, unix(7)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.config.settings import Config


def check_folders(settings: Config, path: Path) -> None:
    """Raise ConfigError for a folder that can't be made or written, or a recording not there.

    The error names the file, the line and the key. Nothing remains of the attempt.
    """
    for keys, socket in _sockets(settings):
        if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
            raise ConfigError(
                f"{place_of(path, *keys)}: {socket} is longer than {SOCKET_PATH_BYTES} bytes, the "
                "limit for a socket's path"
            )
    for keys, named in (*_written(settings), *_recordings(settings)):
        if str(named).startswith("~"):
            raise ConfigError(
                f"{place_of(path, *keys)}: {named}: the ~ is not replaced; write the whole path"
            )
    for keys, folder in _written(settings):
        if (fault := _unwritable(folder)) is not None:
            raise ConfigError(f"{place_of(path, *keys)}: {folder} {fault}")
    for keys, recording in _recordings(settings):
        if not recording.exists():
            raise ConfigError(f"{place_of(path, *keys)}: {recording}: no such file or folder")
        if not os.access(recording, os.R_OK):
            raise ConfigError(f"{place_of(path, *keys)}: {recording} can't be read")


def _written(settings: Config) -> Iterator[tuple[tuple[str | int, ...], Path]]:
    """Yield the folders that processes write to, with the keys that name them."""
    yield ("run_dir",), Path(settings.run_dir)
    yield ("log_dir",), Path(settings.log_dir)
    if settings.recorder is not None:
        yield ("recorder", "dir"), Path(settings.recorder.dir)
    exchange = settings.embedded_exchange
    if exchange is not None and exchange.truth_log is not None:
        yield ("embedded_exchange", "truth_log"), Path(exchange.truth_log).parent
    for keys, socket in _sockets(settings):
        yield keys, socket.parent


def _sockets(settings: Config) -> Iterator[tuple[tuple[str | int, ...], Path]]:
    """Yield the Unix sockets that proxies bind, with the keys that name them."""
    for name, proxy in settings.proxy_programs().items():
        for key in ("subscribers", "workers", "history"):
            endpoint = getattr(proxy, key)
            if endpoint.startswith("ipc://") and not endpoint.startswith("ipc://@"):
                yield (name.replace("-", "_"), key), Path(endpoint.removeprefix("ipc://"))


def _recordings(settings: Config) -> Iterator[tuple[tuple[str | int, ...], Path]]:
    """Yield the recordings that processes read, with the keys that name them."""
    exchange = settings.embedded_exchange
    recording = None if exchange is None else exchange.recording
    if isinstance(recording, str):
        yield ("embedded_exchange", "recording"), Path(recording)
    elif recording is not None:
        for symbol, name in recording.items():
            yield ("embedded_exchange", "recording", symbol), Path(name)
    if settings.replay is not None:
        for index, name in enumerate(settings.replay.recordings):
            yield ("replay", "recordings", index), Path(name)


def _unwritable(folder: Path) -> str | None:
    """Return why a folder can't be made or written, or None; try it in the nearest one there is.

    The superuser's permissions do not show that a folder is read-only, or of the kernel's: so a
    folder is made in it, and removed.
    """
    above = folder
    while not os.path.lexists(above) and above.parent != above:
        above = above.parent
    missing = above != folder
    try:
        if not above.is_dir():
            return f"can't be made: {above} is not a folder" if missing else "is not a folder"
        Path(tempfile.mkdtemp(prefix=".feedd-check-", dir=above)).rmdir()
    except OSError as error:
        where = f" (in {above.absolute()})" if missing else ""
        return f"can't be {'made' if missing else 'written'}: {why_refused(error, above)}{where}"
    return None
