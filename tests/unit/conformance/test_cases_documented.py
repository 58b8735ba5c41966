"""docs/conformance.md lists the cases."""

from __future__ import annotations

import re

from conftest import REPOSITORY

from feedd.conformance.cases import CASES


def test_the_documents_list_every_case_in_its_order() -> None:
    text = (REPOSITORY / "docs" / "conformance.md").read_text()
    table = text.partition("\n## Cases\n")[2]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(CASES)
