"""Tells the encoding of a file by its mark or its bytes, and never guesses among many.

Of the legacy encodings only Windows-1252 is taken unasked, and only where its letters make up a text of
Western Europe; a library that guesses took one in four samples of twelve languages for another one.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from pipeline.core.errors import ConfigError
from pipeline.facts.importing.rows import refuse

MAX_LINE = 1024 * 1024
"""Characters of one line."""
_BLOCK = 1024 * 1024
_HIGH = 0.3
"""Share of letters beyond ASCII that a text of Western Europe stays below; Cyrillic or Greek has nearly 1."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SAY = "save it as UTF-8, or name its encoding: --encoding windows-1251, for example"


def find_encoding(path: Path, given: str) -> tuple[str, str]:
    """Give Python's name of a file's encoding, and how it is called.

    Raises FactsError for a file that is no text, ConfigError for an encoding that does not exist.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        hint = "save the sheet as “CSV UTF-8” in the program that made it, and import that"
        refuse(path, "this is a spreadsheet or another packed file, not text", hint)
    if given:
        name = _known(given)
        return ("utf-8-sig" if name == "utf-8" else name), given  # a mark is no part of the text
    for mark, name, called in _MARKS:
        if head.startswith(mark):
            return name, called
    if zeros := head.count(0):
        odd = head[1::2].count(0)
        if zeros * 4 < len(head) or 0 < odd < zeros:
            refuse(path, "this file has zero bytes in it, as no text has", _SAY)
        return ("utf-16-le" if odd else "utf-16-be"), "UTF-16 without a byte order mark"
    return _utf8_or_western(path)


def bounded_lines(file: TextIO, path: Path) -> Iterator[str]:
    """Yield the lines of a file with their ends. Raises FactsError for a huge one and for what is no text."""
    number = 0
    try:
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                message = f"this line has more than {MAX_LINE:,} characters"
                refuse(
                    path,
                    message,
                    "rows end in a line break; a cell is never that long",
                    (number, 1),
                )
            yield line
    except UnicodeError:
        refuse(
            path, f"below here are bytes that are no text in {file.encoding}", _SAY, (number + 1, 1)
        )


def read_whole(path: Path, encoding: str, most: int) -> str:
    """Read a file as one text. Raises FactsError where it is larger than `most` bytes, or no text."""
    if path.stat().st_size > most:
        message = (
            f"the file is larger than {most // 1024 // 1024} MiB, the most that is read as a whole"
        )
        refuse(
            path,
            message,
            "write it as CSV, or as JSONL with one object a line: they are read row by row",
        )
    with path.open(encoding=encoding, newline="") as file:
        try:
            return file.read()
        except UnicodeError:
            refuse(path, f"the file has bytes in it that are no text in {encoding}", _SAY)


def _known(name: str) -> str:
    try:
        with suppress(UnicodeError):
            b"a".decode(name)  # which refuses what is no encoding of text, such as rot13
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        hint = "names are those of Python: utf-8, utf-16, windows-1252, gb18030, shift_jis …"
        raise ConfigError(f"--encoding: there is no text encoding “{name}”", hint) from error


def _utf8_or_western(path: Path) -> tuple[str, str]:
    """Decide between the two encodings that have no mark."""
    decoder, line, column = codecs.getincrementaldecoder("utf-8")(), 1, 1
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                text = decoder.decode(block)
                line, column = _after(text, line, column)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        return _western(path, error.object, _after(before, line, column))
    return "utf-8", "UTF-8"


def _western(path: Path, sample: bytes, spot: tuple[int, int]) -> tuple[str, str]:
    """Take a file that is not UTF-8 for Windows-1252 if that makes a text of it."""
    shown = sample.decode("utf-8", "replace")
    broken = shown.count("\N{REPLACEMENT CHARACTER}")
    if sum(not char.isascii() for char in shown) > 2 * broken:
        refuse(path, "the file is UTF-8, but for the bytes from here on", "save it as UTF-8", spot)
    letters = [char for char in sample.decode("cp1252", "replace") if char.isalpha()]
    high = sum(not char.isascii() for char in letters)
    undefined = any(byte in sample for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
    if undefined or high > _HIGH * len(letters):
        refuse(path, "the file is neither UTF-8 nor Windows-1252", _SAY, spot)
    return "cp1252", "Windows-1252"


def _after(text: str, line: int, column: int) -> tuple[int, int]:
    """Give the place behind a text that begins at a place."""
    if "\n" not in text:
        return line, column + len(text)
    return line + text.count("\n"), len(text) - text.rfind("\n")
