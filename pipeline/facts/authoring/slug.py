"""Names of any script → what a file or a fact may be called, and still tells two names apart."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container

LONGEST = 60
"""Characters of a file's or a fact's name."""
_RESERVED = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")
"""Names that Windows keeps for devices, whatever the ending: no one could check such a file out."""


def slug(text: str, otherwise: str = "subject") -> str:
    """Write a name in small Latin letters, digits and hyphens; `otherwise` where nothing of it is left."""
    from anyascii import anyascii

    plain = anyascii(unicodedata.normalize("NFC", text)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST].strip("-") or otherwise


def distinct_slug(name: str, taken: Container[str]) -> str:
    """Give a name's slug, with a short digest of the name behind it where `taken` has it already."""
    own = slug(name, "")
    if own and own not in taken and not _RESERVED.fullmatch(own):
        return own
    digest = hashlib.sha256(
        unicodedata.normalize("NFC", name).encode("utf-8", "replace")
    ).hexdigest()
    made = (f"{(own or 'subject')[: LONGEST - 1 - n]}-{digest[:n]}" for n in range(4, 52, 4))
    return next(each for each in made if each not in taken)
