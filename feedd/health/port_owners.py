"""Ports at which processes listen, at one moment, for many processes at little cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from feedd.runtime.address_holders import is_socket, listening_sockets, socket_files

if TYPE_CHECKING:
    from collections.abc import Collection

    from feedd.runtime.address_holders import ListeningSocket


class _Held(NamedTuple):
    """A socket of a process that listens, as it was found."""

    path: str
    inode: int


class PortOwners:
    """Remembers each socket that was found to listen: it does so until it is closed.

    So the system's table, whose reading takes some ms, is read only for a process of which one is
    missing, and at most once between two calls of `refresh`.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], _Held] = {}  # by pid and port
        self._table: dict[int, ListeningSocket] | None = None
        self._is_read = False

    def refresh(self, pids: Collection[int]) -> None:
        """Begin another moment; forget processes other than `pids`."""
        self._is_read = False
        for pid, port in [key for key in self._held if key[0] not in pids]:
            del self._held[pid, port]

    @property
    def ports(self) -> set[int] | None:
        """Return the ports at which any process listens; None where the system hides them."""
        table = self._read()
        return None if table is None else {one.port for one in table.values()}

    def of(self, pid: int, ports: Collection[int]) -> set[int] | None:
        """Return at which of `ports` a process listens; None where the system hides it."""
        if all(self._listens(pid, port) for port in ports):
            return set(ports)
        table, files = self._read(), socket_files(pid)
        if table is None or files is None:
            return None
        for inode in table.keys() & files.keys():
            self._held[pid, table[inode].port] = _Held(files[inode], inode)
        return {port for port in ports if self._listens(pid, port)}

    def _listens(self, pid: int, port: int) -> bool:
        held = self._held.get((pid, port))
        return held is not None and is_socket(*held)

    def _read(self) -> dict[int, ListeningSocket] | None:
        if not self._is_read:
            self._table, self._is_read = listening_sockets(), True
        return self._table
