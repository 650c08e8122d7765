r"""Characters that nobody sees, or that nobody can type, in texts that are not plain ASCII.

Unicode's properties decide: what is ignored by default, private or not assigned is refused, except where
`data/unseen.toml` says that a script or an emoji needs it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any  # the patterns of a library without types

_REFUSED = r"[\p{Default_Ignorable_Code_Point}\p{Co}\p{Cn}\u2800\ufff0-\uffff]"
# Letters as another font draws them, and letters that are drawn as one: no keyboard has them.
_STYLED = r"[\U0001d400-\U0001d7ff\ufb00-\ufb06]"


def invisible_characters(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text of every run of characters that nobody sees."""
    if not _suspect().search(text):
        return iter(())  # the places where one is needed take long to read
    return ((match.start(), match.group()) for match in _pattern().finditer(text))


def styled(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text of every run of letters that stand for plain ones."""
    return ((match.start(), match.group()) for match in _styled().finditer(text))


@cache
def _pattern() -> Any:
    import regex

    file = resources.files("pipeline.facts").joinpath("data", "invisible.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    letters = [rf"[\p{{scx={script}}}&&[\p{{L}}\p{{M}}]]" for script in table["joining"].split()]
    needed = [rf"(?<={letter})[{table['joiners']}](?={letter})" for letter in letters]
    needed += [
        rf"(?<={place['before']}){place['chars']}"
        + (rf"(?={place['after']})" if place["after"] else "")
        for place in table["needed"]
    ]
    return regex.compile(rf"(?:(?!{'|'.join(needed)}){_REFUSED})+", regex.V1)


@cache
def _suspect() -> Any:
    import regex

    return regex.compile(_REFUSED)


@cache
def _styled() -> Any:
    import regex

    return regex.compile(f"{_STYLED}+")
