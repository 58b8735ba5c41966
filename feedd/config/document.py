"""A YAML text with the line of each key; errors name the file, the line and the key."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from feedd.config import replay as replay_settings
from feedd.config.yaml_faults import explain_yaml
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# libyaml's if PyYAML was built with it: every worker reads the file, and with a hundred symbols
# the Python loader takes as long as all of a worker's imports.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VARIABLE = re.compile(r"\$\{[^{}]*\}|\{\{[^{}]*\}\}|\$\([^()]*\)|^\$[A-Z_][A-Z0-9_]*$")


class Document:
    """The text's values in `data`, and where they are."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.data: Any = None
        loader = _Loader(text)
        try:
            self._root = loader.get_single_node()
            if self._root is not None:
                self._refuse_duplicate_keys(self._root)
                self._refuse_variables()
                self.data = loader.construct_document(self._root)
            self._keep_times_as_written()
        except RecursionError:
            raise ConfigError(f"{path}: is nested too deeply, or contains itself") from None
        except (yaml.YAMLError, ValueError) as error:
            line, what = explain_yaml(error, text)
            where = path if line is None else f"{path}:{line}"
            raise ConfigError(f"{where}: not valid YAML: {what}") from None

    def error(self, keys: list[str | int], what: str) -> ConfigError:
        """Return the error about a value."""
        line, key_text = self._line(keys) or 1, _key_text(keys)
        return ConfigError(f"{self.path}:{line}: {key_text}: {what}".replace(": :", ":"))

    def place(self, keys: list[str | int]) -> str:
        """Return `file:line: key` of a key, or `file: key` where the text does not have it."""
        line = self._line(keys)
        where = f"{self.path}" if line is None else f"{self.path}:{line}"
        return f"{where}: {_key_text(keys)}"

    def keys_of_feed(self, index: int, key: str) -> list[str | int]:
        """Return the path of a symbol's key, or of the key for all symbols if it has none."""
        entry = self.data["symbols"][index]
        if isinstance(entry, dict) and key in entry:
            return ["symbols", index, key]
        return [key] if key in self.data else ["symbols", index]

    def value(self, keys: list[str | int]) -> Any:
        """Return the value at a path; None where there is none."""
        value = self.data
        for step in keys:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return None
        return value

    def _line(self, keys: list[str | int]) -> int | None:
        """Return the line of the last key of a path that the text has; None without the first."""
        node, line = self._root, None
        for step in keys:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(step)]
                if not found:
                    break
                key, node = found[0]
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line

    def _keep_times_as_written(self) -> None:
        """Restore times as text: YAML reads 13:00 as the number 780, and a date as an object."""
        replay = self.data.get("replay") if isinstance(self.data, dict) else None
        if self._root is None or not isinstance(replay, dict):
            return
        section = next(value for key, value in self._root.value if key.value == "replay")
        for key, value in section.value:
            if key.value in replay_settings.TIMES and isinstance(value, yaml.ScalarNode):
                replay[key.value] = None if replay[key.value] is None else value.value

    def _refuse_duplicate_keys(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.SequenceNode):
            for child in node.value:
                self._refuse_duplicate_keys(child)
        elif isinstance(node, yaml.MappingNode):
            counts = Counter(key.value for key, _ in node.value if isinstance(key.value, str))
            for key, child in node.value:
                if isinstance(key.value, str) and counts[key.value] > 1:
                    raise ConfigError(
                        f"{self.path}:{key.start_mark.line + 1}: {key.value}: appears twice"
                    )
                self._refuse_duplicate_keys(child)

    def _refuse_variables(self) -> None:
        """Raise ConfigError for a value that another program should have replaced."""
        for keys, node in _scalars(self._root, []):
            found = _VARIABLE.search(node.value)
            if found is not None:
                raise self.error(
                    keys, f"{found[0]} is not replaced: feedd reads no variables in this file; "
                    "write the value",
                )  # fmt: skip


def _scalars(
    node: yaml.Node | None, keys: list[str | int]
) -> Iterator[tuple[list[str | int], yaml.ScalarNode]]:
    """Yield the values of a node that are neither lists nor maps, with their paths."""
    if isinstance(node, yaml.ScalarNode):
        yield keys, node
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _scalars(child, [*keys, index])
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield from _scalars(child, [*keys, str(key.value)])


def _key_text(keys: list[str | int]) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in keys).lstrip(".")
