"""A real Prometheus that scrapes a gateway, and promtool: Debian's package `prometheus`."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import REPOSITORY, eventually, free_ports, skip_outside_ci

CONFIG = REPOSITORY / "config" / "prometheus"


def tool(name: str) -> str:
    """Return the path of prometheus or promtool; where it is missing, skip, and fail in CI."""
    path = shutil.which(name)
    if path is None:
        skip_outside_ci(f"{name} is missing: apt-get install prometheus")
    return path


def promtool(*arguments: str, given: str = "", folder: Path = CONFIG) -> str:
    """Run promtool in a folder; return what it prints, or fail with that."""
    done = subprocess.run(
        [tool("promtool"), *arguments], input=given, cwd=folder, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self._url}{path}?{query}", timeout=20) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        assert content["status"] == "success", content
        assert not content.get("warnings"), content
        return content["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        found = self.get("/api/v1/query", query=expression)
        return found["result"] if found["resultType"] == "vector" else [found]

    def value(self, expression: str) -> float | None:
        """Return the value of a query with one series; None where it has none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running_prometheus(folder: Path, gateway_port: int) -> Iterator[Prometheus]:
    """Run Prometheus on the shipped configuration, which scrapes every second here."""
    shutil.copytree(CONFIG, folder / "prometheus")
    config = folder / "prometheus" / "prometheus.yml"
    text = config.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{gateway_port}")
    config.write_text(text.replace("interval: 10s", "interval: 1s"))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with Path(folder, "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                tool("prometheus"), f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}",
            ],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    try:
        prometheus = Prometheus(f"http://{address}")
        eventually(prometheus.is_ready, what="Prometheus is ready")
        yield prometheus
    finally:
        process.terminate()
        process.wait(20)
