"""Process that holds an address which this one needs: its pid, its command and its folder."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
import socket
import struct
from pathlib import Path
from typing import NamedTuple

Address = str | tuple[str, int]  # of a Unix socket; of TCP

PEER_CREDENTIALS = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid
COMMAND_CHARS = 80
COMMAND_WORDS = 4
WILDCARDS = frozenset({"0.0.0.0", "::"})
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")  # proc_net_tcp
LISTEN = "0A"
SOCKET_LINK = "socket:["  # proc_pid_fd(5)


class Holder(NamedTuple):
    """A process that listens at an address; what the system hides of it is None."""

    pid: int | None
    text: str
    folder: str | None = None


class ListeningSocket(NamedTuple):
    """A TCP socket that listens, at any interface."""

    port: int
    uid: int


def holder_of(family: socket.AddressFamily, address: Address) -> Holder | None:
    """Return the process that keeps others from binding an address; None if there is none."""
    if isinstance(address, str):
        return _unix_holder(address)
    return _tcp_holder(*address) if _is_held(family, address) else None


def is_listened_to(path: str) -> bool:
    """Whether a process listens at a Unix socket: a bind would replace it without an error."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:  # it accepts nothing: its queue is full
            return True
        except OSError:
            return False
    return True


def tcp_holder(port: int) -> Holder | None:
    """Return the process that listens at a TCP port of any interface; None if nobody does."""
    holder = _tcp_holder("0.0.0.0", port)
    if holder.pid is None and port not in (tcp_listeners() or {port: 0}):
        return None
    return holder


def tcp_listeners() -> dict[int, int] | None:
    """Return the ports at which any process listens, with its user; None where not on Linux.

    No port is bound for it: that would block a process that is about to bind it.
    """
    sockets = listening_sockets()
    return None if sockets is None else {one.port: one.uid for one in sockets.values()}


def listening_sockets() -> dict[int, ListeningSocket] | None:
    """Return the TCP sockets that listen, by their inode; None where not on Linux."""
    found: dict[int, ListeningSocket] | None = None
    for table in TABLES:
        with contextlib.suppress(OSError):
            found = found or {}
            for line in Path(table).read_text().splitlines()[1:]:
                if line.split(None, 4)[3] == LISTEN:
                    fields = line.split()
                    port = int(fields[1].rpartition(":")[2], 16)
                    found[int(fields[9])] = ListeningSocket(port, int(fields[7]))
    return found


def socket_files(pid: int) -> dict[int, str] | None:
    """Return the path of each socket of a process by its inode; None where the system hides them.

    A path is a link that `is_socket` reads again.
    """
    found = {}
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            link = _link(entry.path)
            if link.startswith(SOCKET_LINK):
                found[int(link[len(SOCKET_LINK) : -1])] = entry.path
    except OSError:
        return None
    return found


def is_socket(path: str, inode: int) -> bool:
    """Whether a file of `socket_files` still is the socket that it was."""
    return _link(path) == f"{SOCKET_LINK}{inode}]"


def _link(path: str) -> str:
    """Return what a link in /proc names; empty where it is gone."""
    try:
        return os.readlink(path)  # noqa: PTH115  Path takes several times as long
    except OSError:
        return ""


def listening_ports(pid: int) -> set[int] | None:
    """Return the TCP ports at which a process listens; None where the system hides them."""
    sockets, files = listening_sockets(), socket_files(pid)
    if sockets is None or files is None:
        return None
    return {sockets[inode].port for inode in files.keys() & sockets.keys()}


def _is_held(family: socket.AddressFamily, address: tuple[str, int]) -> bool:
    """Whether a bind fails as in use, with the options of feedd's and libzmq's sockets."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _unix_holder(path: str) -> Holder | None:
    """Return the process that listens at a Unix socket, which its peer credentials name."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return Holder(None, "another process, which does not respond")
        except OSError:
            return None
        try:
            credentials = probe.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size
            )
        except (AttributeError, OSError):  # Linux only
            return Holder(None, "another process")
    pid, uid, _ = PEER_CREDENTIALS.unpack(credentials)
    return describe(pid) if pid > 0 else Holder(None, _of_user(uid))


def _tcp_holder(host: str, port: int) -> Holder:
    import psutil  # noqa: PLC0415

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr:
                continue
            if connection.laddr.port == port and _conflicts(connection.laddr.ip, host):
                if connection.pid:
                    return describe(connection.pid)
                break
    uid = (tcp_listeners() or {}).get(port)
    return Holder(None, "another process" if uid is None else _of_user(uid))


def _conflicts(one: str, other: str) -> bool:
    return one == other or not WILDCARDS.isdisjoint((one, other))


def describe(pid: int) -> Holder:
    """Return a holder with what can be read of it."""
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return Holder(pid, f"pid {pid}")
    command, folder, user = process.name(), None, None
    with contextlib.suppress(psutil.Error, OSError):
        command = command_text(process.cmdline()) or command
    with contextlib.suppress(psutil.Error, OSError, KeyError):
        user = process.username()
    with contextlib.suppress(psutil.Error, OSError):
        folder = process.cwd()
    return Holder(pid, holder_text(pid, command, folder, user), folder)


def holder_text(pid: int, command: str, folder: str | None, user: str | None) -> str:
    """Return `pid 4711 (python workers/feed.py … in /home/x/other)`.

    `folder` is None if this user may not read it.
    """
    if folder is not None:
        return f"pid {pid} ({command} in {folder})"
    whose = "of another user" if user is None else f"of user {user}"
    return f"pid {pid} ({command} {whose}; its folder can't be read)"


def command_text(words: list[str]) -> str:
    """Return the first words of a command line, without the program's folder."""
    if not words:
        return ""
    shown = [Path(words[0]).name, *words[1:COMMAND_WORDS]]
    text = re.sub(r"\s+", " ", " ".join(shown)).strip()
    if len(words) > COMMAND_WORDS or len(text) > COMMAND_CHARS:
        text = f"{text[:COMMAND_CHARS].rstrip()} …"
    return text


def _of_user(uid: int) -> str:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return f"a process of user {name}, whose pid this user can't read"
