"""Finds where a key or a value stands in the text of a TOML file, which its parser does not tell."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pipeline.core.errors import Where


@dataclass(frozen=True, slots=True)
class Places:
    """The text of a file, by its path."""

    path: str
    text: str

    def of_section(self, section: str) -> Where:
        """Find where a section begins; the first line for what stands above all sections."""
        found = re.search(rf"^\[{re.escape(section)}\]", self.text, re.MULTILINE)
        return self._at(found.start() if section and found else 0)

    def of_key(self, section: str, key: str) -> Where:
        """Find a key in its section; the section where the key is not written plainly."""
        named = rf"^(\s*)(?:{re.escape(key)}|\"{re.escape(key)}\")\s*="
        found = re.compile(named, re.MULTILINE).search(self.text, self._start(section))
        if found:
            return self._at(found.end(1))
        inner = f"{section}.{key}" if section else key
        return self.of_section(inner if f"[{inner}]" in self.text else section)

    def of_value(self, value: str, section: str, *, last: bool = False) -> Where:
        """Find a text that stands in a section as a value, by its first or last place."""
        written = json.dumps(value, ensure_ascii=False)
        start = self._start(section)
        at = self.text.rfind(written, start) if last else self.text.find(written, start)
        return self.of_section(section) if at < 0 else self._at(at)

    def _start(self, section: str) -> int:
        found = re.search(rf"^\[{re.escape(section)}\]", self.text, re.MULTILINE)
        return found.start() if found else 0

    def _at(self, offset: int) -> Where:
        line = self.text.count("\n", 0, offset) + 1
        return Where(self.path, line, offset - self.text.rfind("\n", 0, offset))
