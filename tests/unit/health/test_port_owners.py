"""Ports at which processes listen."""

from __future__ import annotations

import os
import socket

import pytest
from conftest import free_ports

from feedd.health import port_owners
from feedd.health.port_owners import PortOwners


def test_a_port_is_of_the_process_that_listens_at_it() -> None:
    mine, free = free_ports(2)
    owners = PortOwners()
    with socket.socket() as one:
        one.bind(("127.0.0.1", mine))
        one.listen()
        owners.refresh([os.getpid()])
        assert mine in (owners.ports or ())
        assert owners.of(os.getpid(), [mine, free]) == {mine}
        assert owners.of(os.getppid(), [mine]) == set()


def test_the_table_is_read_once_while_a_socket_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    read: list[object] = []
    real = port_owners.listening_sockets

    def counted() -> object:
        read.append(1)
        return real()

    monkeypatch.setattr(port_owners, "listening_sockets", counted)
    owners, pid = PortOwners(), os.getpid()
    for reads in (1, 2):  # the second socket is another one
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))
            one.listen()
            for _ in range(3):
                owners.refresh([pid])
                assert owners.of(pid, [port]) == {port}
            assert len(read) == reads
    owners.refresh([pid])
    assert owners.of(pid, [port]) == set()


def test_a_process_that_is_hidden_is_not_known_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    monkeypatch.setattr(port_owners, "socket_files", lambda _: None)
    owners = PortOwners()
    with socket.socket() as one:
        one.bind(("127.0.0.1", port))
        one.listen()
        owners.refresh([])
        assert owners.of(os.getpid(), [port]) is None
        assert port in (owners.ports or ())
