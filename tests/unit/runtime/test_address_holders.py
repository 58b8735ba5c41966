"""Whoever holds an address is named: by pid, command and folder, as far as they can be read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import zmq
from conftest import free_ports

from feedd.errors import EndpointInUseError
from feedd.runtime.address_holders import (
    command_text,
    holder_of,
    holder_text,
    is_listened_to,
    listening_ports,
)
from feedd.transport import sockets

TCP = socket.AF_INET


@pytest.mark.parametrize(
    ("family", "host"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")],
)
def test_a_listener_at_the_address_or_at_all_of_them_is_named(
    family: socket.AddressFamily, host: str
) -> None:
    [port] = free_ports(1)
    assert holder_of(TCP, ("127.0.0.1", port)) is None
    with socket.socket(family) as taken:
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        taken.bind((host, port))
        taken.listen()
        holder = holder_of(TCP, ("127.0.0.1", port))
        assert holder is not None
        assert holder.pid == os.getpid()
        assert f"pid {os.getpid()} (" in holder.text
        assert f" in {Path.cwd()})" in holder.text
        assert port in (listening_ports(os.getpid()) or set())


def test_a_connection_from_a_port_does_not_hold_it() -> None:
    """TIME_WAIT after a restart is no reason to refuse a start."""
    [port] = free_ports(1)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()
    assert holder_of(TCP, ("127.0.0.1", port)) is None


def test_a_listener_at_a_unix_socket_is_named_and_its_left_behind_file_is_none(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(path)
        taken.listen()
        holder = holder_of(socket.AF_UNIX, path)
        assert holder is not None
        assert holder.pid == os.getpid()
        assert is_listened_to(path)
    assert Path(path).exists()
    assert not is_listened_to(path)
    assert holder_of(socket.AF_UNIX, path) is None


def test_a_stopped_listener_with_a_full_queue_holds_its_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(path)
        taken.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(path)
        assert is_listened_to(path)
        for one in waiting:
            one.close()


def test_a_socket_of_zeromq_does_not_replace_one_at_which_a_process_listens(
    tmp_path: Path,
) -> None:
    endpoint = f"ipc://{tmp_path}/workers.sock"
    with zmq.Context() as context, context.socket(zmq.PUB) as one, context.socket(zmq.PUB) as two:
        sockets.bind(one, endpoint)
        with pytest.raises(EndpointInUseError, match=f"is held by pid {os.getpid()} "):
            sockets.bind(two, endpoint)


@pytest.mark.process
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_process_of_another_user_is_named_by_its_user(tmp_path: Path, kind: str) -> None:
    [port] = free_ports(1)
    address = ("127.0.0.1", port) if kind == "tcp" else str(tmp_path / "s")
    family = socket.AF_INET if kind == "tcp" else socket.AF_UNIX
    code = (
        "import psutil, sys; from feedd.runtime.address_holders import holder_of; import os, pwd;"
        "os.setgid(65534); os.setuid(65534);"
        f"print(holder_of({int(family)}, {address!r}).text)"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and "pytest" in str(folder):
            folder.chmod(0o755)
    with socket.socket(family) as taken:
        taken.bind(address)
        if kind == "unix":
            Path(str(address)).chmod(0o777)
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
    assert "user root" in done.stdout
    assert "can't read" in done.stdout or "can't be read" in done.stdout


def test_a_line_on_a_holder_has_what_can_be_read() -> None:
    assert holder_text(7, "python a.py", "/home/x", "x") == "pid 7 (python a.py in /home/x)"
    other = "pid 7 (python of user x; its folder can't be read)"
    assert holder_text(7, "python", None, "x") == other
    unknown = "pid 7 (python of another user; its folder can't be read)"
    assert holder_text(7, "python", None, None) == unknown


def test_a_long_command_is_shortened_and_stays_one_line() -> None:
    words = ["/usr/bin/python3", "/home/x/workers/feed.py", "feed-a", "--config", "c", "--more"]
    assert command_text(words) == "python3 /home/x/workers/feed.py feed-a --config …"
    assert command_text(["sh", "-c", "a\nb\t c"]) == "sh -c a b c"
    assert len(command_text(["x", "y" * 500])) < 90
    assert command_text([]) == ""
