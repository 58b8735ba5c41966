"""An endpoint that no client can connect to is refused with what to write."""

from __future__ import annotations

import pytest

import feedd
from feedd.endpoint_form import endpoint_fault
from feedd.errors import ConfigError
from feedd.operation.active_config import endpoint_config
from feedd.transport.subscriber import Subscriber


@pytest.mark.parametrize(
    ("endpoint", "remedy"),
    [
        ("localhost:5500", "it lacks tcp://; write tcp://localhost:5500"),
        ("10.0.0.7:5500", "write tcp://10.0.0.7:5500"),
        ("5500", "it is a port only; write tcp://127.0.0.1:5500"),
        ("tcp:localhost:5500", "write tcp://localhost:5500"),
        ("tcp:/localhost:5500", "write tcp://localhost:5500"),
        ("http://localhost:5500", "is it tcp://localhost:5500?"),
        ("tpc://localhost:5500", "is it tcp://localhost:5500?"),
        ("localhost", "it lacks tcp:// and the port"),
        ("tcp://localhost", "it has no port; write tcp://localhost:5500"),
        ("tcp://localhost:99999", "its port 99999 is not from 1 to 65535"),
        ("tcp://localhost:0", "its port 0 is not from 1 to 65535"),
        ("tcp://localhost:55oo", "its port is not a number"),
        ("tcp://localhost:5500/", "write tcp://localhost:5500"),
        ("tcp://:5500", "write tcp://127.0.0.1:5500"),
        ("tcp://*:5500", "write tcp://127.0.0.1:5500, or the publisher's host"),
        ("tcp://::1:5500", "write tcp://[::1]:5500"),
        ("tcp://a b:5500", "its host is not a name"),
        ("tcp://a:5500,tcp://b:5500", "its host is not a name"),
        (" tcp://a:5500", "it has spaces around it; write tcp://a:5500"),
        ("ipc://", "it names nothing"),
        ("", "it is empty"),
        (5500, "it is not text"),
    ],
)
def test_a_mistyped_endpoint_is_refused_with_what_to_write(endpoint: str, remedy: str) -> None:
    for history in (None, "tcp://127.0.0.1:5501"):
        with pytest.raises(feedd.ConfigError) as caught:
            feedd.subscribe([endpoint], history=history)
        assert remedy in str(caught.value)
        assert f"{endpoint} is not an endpoint like tcp://127.0.0.1:5500" in str(caught.value)
    with pytest.raises(ConfigError, match="is not an endpoint like"):
        feedd.subscribe("tcp://127.0.0.1:5500", history=[endpoint])


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://127.0.0.1:5500", "tcp://localhost:1", "tcp://my_host.example.com:65535",
     "tcp://[::1]:5500", "tcp://[fe80::1%eth0]:5500", "ipc://run/x.sock", "inproc://x",
     "tcp://eth0:0;192.168.1.1:5555"],
)  # fmt: skip
def test_an_endpoint_that_exists_is_accepted(endpoint: str) -> None:
    assert endpoint_fault(endpoint) is None


@pytest.mark.parametrize("endpoint", ["localhost:5500", "tcp://localhost:99999", "5500"])
def test_the_commands_refuse_it_with_the_same_words(endpoint: str) -> None:
    fault = endpoint_fault(endpoint) or ""
    with pytest.raises(ConfigError, match=fault):
        endpoint_config(endpoint)
    with pytest.raises(ConfigError, match=fault):
        Subscriber(endpoint)


def test_the_last_port_has_no_history_after_it() -> None:
    with pytest.raises(ConfigError, match=r"name the history of tcp://127\.0\.0\.1:65535"):
        feedd.subscribe("tcp://127.0.0.1:65535")
