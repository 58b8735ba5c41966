"""Build hook of hatch: a wheel without the page's chart library is not built."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = "feedd/gateway/page/vendor/lightweight-charts.mjs"
NOTICES = "feedd/gateway/page/vendor/THIRD-PARTY.txt"


class ChartLibraryHook(BuildHookInterface):
    """Check that the files fetched from npm are there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """End the build, unless it is an editable one, with a line where a file is missing."""
        del build_data
        if version == "editable":
            return
        for name in (LIBRARY, NOTICES):
            if not Path(self.root, name).is_file():
                self.app.abort(f"{name} is missing; fetch it first: make chart-library")
