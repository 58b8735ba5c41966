"""Debian's Chromium, driven by Playwright: pages that record their errors and requests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conftest import REPOSITORY, skip_outside_ci
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

# Without a network, as root, and without the look-ups that Chromium makes for itself.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP = (1280, 800)
PHONE = (390, 844)
WITHIN_MS = 20_000
COLOURS = 128
# A view that is left again at once closes its stream.
HARMLESS = "WebSocket is closed before the connection is established"
# Set it to 1 to write those of the documents: FEEDD_WRITE_SCREENSHOTS=1 make test
# T="tests/browser --timeout=900". The project then has some history first.
PICTURES = "FEEDD_WRITE_SCREENSHOTS"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser with a new profile; skip the test where there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        skip_outside_ci("Chromium is missing: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page in a profile of its own, what it logged, and what it asked for."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        width, height = options.pop("size", DESKTOP)
        self.address = address
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce",
            locale="en-GB", timezone_id="Europe/Zurich", **options,
        )  # fmt: skip
        self.context.set_default_timeout(WITHIN_MS)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._logged)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).netloc))

    def _logged(self, message: Any) -> None:
        if message.type in {"error", "warning"} and HARMLESS not in message.text:
            self.errors.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def open(self, fragment: str = "#/") -> Page:
        """Open a view and return the page."""
        self.page.goto(f"{self.address}/{fragment}")
        return self.page

    def check(self) -> None:
        """Check that nothing went wrong in it, and that it asked no other host."""
        assert not self.errors, "\n".join(self.errors)
        assert self.hosts <= {urlsplit(self.address).netloc}, self.hosts

    def close(self) -> None:
        self.context.close()


def accessibility_faults(page: Page, axe: str) -> list[str]:
    """Return the serious and critical violations that axe-core finds, one line each."""
    page.evaluate(f"{axe}; undefined")  # not a <script>: the page's policy refuses others'
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]} "
        f"{node['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def writes_pictures() -> bool:
    """Return whether the pictures of the documents are written."""
    return os.environ.get(PICTURES) == "1"


def take_picture(page: Page, name: str, folder: Path) -> Path:
    """Save a screenshot in a folder, or, if asked for, in docs/."""
    target = REPOSITORY / "docs" if writes_pictures() else folder
    path = target / name
    with Image.open(BytesIO(page.screenshot(animations="disabled"))) as picture:
        # A palette takes a third of the bytes.
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
