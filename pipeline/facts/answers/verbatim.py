"""Text that is right to the letter: links, addresses, paths, commands and code.

`is_verbatim` tells it from words, `find_verbatim` finds it in an answer. Case counts, but for the name of
a host; white space is folded, since it only lays code out; quotes, backticks and a full stop may stand
around it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_COMMANDS = frozenset(
    """
apt apt-get brew bundle cargo cd chmod choco composer conda cp curl dnf docker docker-compose dotnet
flatpak gem git go gradle helm java kubectl make mkdir mv mvn node npm npx pacman pip pip3 pipx pnpm
podman poetry python python3 rm ruby rustup scoop snap ssh sudo systemctl terraform uv uvx wget
winget yarn yum zypper
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
_ORDERS = frozenset(
    """
add apply build checkout clean clone commit create exec get init install i login pull push remove
run start stop sync test uninstall update upgrade up down
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
"""Orders to commands; without one, "make" and "go" are words of English."""
_FLAG = re.compile(r"^-|[/=:@]|\w\.\w")
_HOSTS = frozenset(
    """
com org net io dev ai app edu gov info co uk de fr es br ru cn jp tr in eu me sh
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
_LINK = re.compile(r"(?i)^(?:[a-z][a-z0-9+.-]*://|www\.)\S+$")
_MAIL = re.compile(r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$")
_HOST_PATH = re.compile(r"^(?:[\w-]+\.)+[A-Za-z]{2,}(?::\d+)?(?:[/?#]\S*)?$")
_PATH = re.compile(r"^(?:~|\.{1,2})?(?:/[\w.@+-]+)+/?$|^[A-Za-z]:\\\S|^\\\\\S|^(?:[\w.@+-]+/){2,}[\w.@+-]*$"
                   r"|^[\w@+-][\w.@+-]*/[\w@+-]*\.\w+$|^\.[a-z][\w.-]+$")  # fmt: skip
_CODE = re.compile(r"[{}|;]\s*$|[{}]|\w\(|\w\[|[^\s<>=]\s?=\s?[^\s=]|(?:^|\s)--?[A-Za-z]|\$[A-Za-z_{(]"
                   r"|[^\W\d_]_[^\W_]"
                   r"|->|::|&&|\|\||</|/>|^[A-Z0-9]+(?:_[A-Z0-9]+)+$")  # fmt: skip
_FILE = re.compile(
    r"^[\w-][\w.-]*\.(?:toml|ya?ml|json|ini|cfg|conf|md|txt|py|sh|csv|tsv|xml|html?|log|lock|env|exe|zip|gz|pdf)$"
)
_PROSE = re.compile(r"[^\W\d_]+[,.:]?")
_WRAPPING = "`\"'*"
_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "\u202f": " "})


@lru_cache(maxsize=1 << 14)
def is_verbatim(text: str) -> bool:
    """Return whether a text is a link, a path, a command or code, rather than words."""
    text = text.strip()
    if " " not in text and "\n" not in text:
        if (
            _LINK.match(text)
            or _MAIL.match(text)
            or _PATH.match(text)
            or _is_host(text)
            or _FILE.match(text)
        ):
            return True
        return bool(_CODE.search(text)) and not _spelled_out(text)
    words = text.split()
    orders = words[1] in _ORDERS or any(_FLAG.search(word) for word in words[1:])
    if words[0] in _COMMANDS and orders and not text.endswith((".", "?", "!")):
        return True
    prose = sum(bool(_PROSE.fullmatch(word)) for word in words)
    return bool(_CODE.search(text)) and 2 * prose <= len(words)


def find_verbatim(wanted: str, text: str) -> int:
    """Give where `wanted` stands in a text by itself, -1 where it does not."""
    pattern = _pattern(wanted)
    if pattern is None:
        return -1
    found = pattern.search(_folded(text))
    return found.start() if found else -1


@lru_cache(maxsize=1 << 12)
def _pattern(wanted: str) -> re.Pattern[str] | None:
    bare = _folded(wanted).strip().strip(_WRAPPING) or _folded(wanted).strip()
    bare = bare.rstrip(".") if " " not in bare or not _CODE.search(bare) else bare
    spaced = r"\s+".join(re.escape(part) for part in bare.split())
    if not spaced:
        return None
    link = _LINK.match(bare) or _MAIL.match(bare) or _is_host(bare)
    if not link:
        return re.compile(rf"(?<![\w./\\@-]){spaced}(?![\w/\\@]|[-.=]\w)")
    _, _, rest = bare.rpartition("://")
    rest = rest.removeprefix("www.")
    host, mark, path = re.match(r"([^/?#]*)([/?#]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    tail = (
        f"{re.escape(mark + path).removesuffix('/')}/?"
        if (mark + path).endswith("/")
        else re.escape(mark + path)
    )
    return re.compile(
        rf"(?:(?<![\w@.-])|(?<=://)|(?<=www\.))(?i:{re.escape(host)}){tail}(?!\w|/[\w?#]|[-=&?#%@]\w|\.\w)"
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_QUOTES)


def _is_host(text: str) -> bool:
    """Return whether a text is a host, with or without a path: it ends as hosts do, or a path follows."""
    if not _HOST_PATH.match(text):
        return False
    host = re.split(r"[/?#:]", text)[0]
    return host.rpartition(".")[2].lower() in _HOSTS or (host != text and host == host.lower())


def _spelled_out(text: str) -> bool:
    """Return whether what looks like a flag or code is a word with a hyphen or a plural in brackets."""
    return bool(re.fullmatch(r"[^\W\d_]+\([^\W\d_]+\)", text))
