"""Names of things that a fact is told from: others of its kind, names of its make, and names almost its own.

Training and the gate draw from different halves, which share no name.
"""

from __future__ import annotations

import random
import re
import string
import tomllib
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import chain, cycle, islice, zip_longest
from typing import Any, Literal  # TOML data has no narrower type than Any before it is read here

from pipeline.facts.fact import Fact
from pipeline.facts.folding import squash
from pipeline.facts.language import load_language

Half = Literal["train", "probe"]

SPLICED = 4
"""Letters that a word needs to be mixed with another one."""
_MARKS = "()[]\"'.,:"
_YEAR = re.compile(r"(?:1\d|20)\d\d")


def same_kind(fact: Fact, half: Half, rng: random.Random, count: int) -> list[str]:
    """Draw names of other things of the fact's kind; of all kinds where it is not known."""
    kind, known = category(fact.kind, fact.language), names_in(fact.language)
    kinds = [each for each in known if each != "near"]
    names = [name for each in kinds for name in known[each][half] if kind in {each, "thing"}]
    # "Le logo de Firefox" cannot be that of another name where it has to be "d'Orbex".
    if elided := load_language(fact.language).elided:
        vowel = fact.subject[:1].lower() in elided
        every = [*names, *(name for each in kinds for name in known[each][half])]
        fit = [name for name in every if (name[0].lower() in elided) == vowel]
        names = list(dict.fromkeys(fit))[: max(count, len(names))]
    return rng.sample(names, min(count, len(names)))


def near_names(
    fact: Fact, half: Half, rng: random.Random, count: int, words: Sequence[str] = ()
) -> list[str]:
    """Draw names that something else could have, and that are almost the subject's.

    A name of one word differs in a part, a syllable or a letter; a longer one in a word, a syllable
    of one, an initial or a digit. One letter changed in a longer name is left out: it is a slip of
    the pen, and people want the same answer. `words` are more that may stand for one of the name's.
    """
    name = fact.subject
    pool = [*_near_words(fact, half), *words]
    pieces = _pieces(pool)
    if half == "probe":
        trained = frozenset(_pieces(_near_words(fact, "train")))
        pieces = tuple(piece for piece in pieces if piece not in trained)
    most = 20 * count
    spliced = islice(_spliced(name, pieces, rng), most)
    if " " in name:
        parts = [*_exchanged(fact, half, pool, rng)]
        rng.shuffle(parts)
        columns = [_one_mark_off(name, half, rng), parts, spliced]
    else:
        parts = [*_parts(name, half)]
        rng.shuffle(parts)
        others = (each for pair in zip_longest(parts, spliced) for each in pair if each)
        columns = [islice(_one_letter_off(name, half, rng), most), others]
    # In turns, since few exposures use only the first; the others where one kind has too few.
    turns = (each for column in zip_longest(*columns) for each in column if each)
    found = dict.fromkeys(turns)
    return [near for near in found if squash(near) != squash(name)][:count]


def same_make(name: str, common: Collection[str], pool: Sequence[str], rng: random.Random) -> str:
    """Write a name of the same make: with all that is telling in it exchanged, like another asteroid's.

    `common` words stay ("Parish Church"), and so do small ones and a year's century; other digits and
    initials become any others, and each other word one of the `pool`, or one that is made of two of those.
    """
    pieces = [w for w in pool if len(w) >= SPLICED and w.isalpha() and not w.islower()]

    def other(word: str) -> str:
        bare = word.strip(_MARKS)
        if _YEAR.fullmatch(bare):
            return word.replace(bare, bare[:2] + "".join(_another(char, rng) for char in bare[2:]))
        if any(char.isdigit() for char in bare) or len(bare) == 1:
            return "".join(_another(char, rng) for char in word)
        if bare in common or bare == bare.lower() or len(pieces) < 2:
            return word
        first, last = rng.sample(pieces, 2)
        made = first[: len(first) // 2] + last[len(last) // 2 :]
        return word.replace(bare, rng.choice((first, made)))

    return " ".join(map(other, name.split()))


def common_words(names: Iterable[str]) -> frozenset[str]:
    """Find the words that at least two names have, like "Parish" and "Church"."""
    count = Counter(word for name in names for word in {w.strip(_MARKS) for w in name.split()})
    return frozenset(word for word, times in count.items() if times > 1)


def category(kind: str, language: str = "en") -> str:
    """Find the category of shipped names that a kind of thing belongs to, "thing" where none fits.

    The kind is a word of English, as in most files, or of the fact's own language.
    """
    words = set(re.findall(r"\w+", kind.casefold()))
    for category, entry in table().items():
        if words & set(entry.get("kinds", ())):
            return category
    own = load_language(language)
    for category, kinds in own.kinds.items():
        if words & set(kinds) or (own.spaceless and any(each in kind for each in kinds)):
            return category
    return "thing"


@cache
def names_in(language: str) -> dict[str, Any]:
    """Give the names by category, and the words that names are made of, as a language writes them.

    Where its file has none, the shipped ones stand in, without those that have words of English in them.
    """
    shipped, own = table(), load_language(language).names
    if language == "en":
        return shipped

    def halves(category: str, known: dict[str, Any]) -> dict[str, Any]:
        if category in own:
            return {**known, **own[category]}
        return {half: [n for n in known[half] if " " not in n] for half in ("train", "probe")}

    found = {each: halves(each, known) for each, known in shipped.items() if each != "near"}
    near = {each: dict(own.get(each, known)) for each, known in shipped["near"].items()}
    return {**found, "near": near}


@cache
def table() -> dict[str, Any]:
    """Read the shipped names by category of things, and the words that names are made of ("near")."""
    file = resources.files("pipeline.dataset").joinpath("data", "names.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _another(char: str, rng: random.Random) -> str:
    """Exchange a digit for any, and a capital for any; other characters stay."""
    if char.isdigit():
        return rng.choice(string.digits)
    return rng.choice(string.ascii_uppercase) if char.isupper() else char


def _near_words(fact: Fact, half: Half) -> list[str]:
    """Give the words that names of the fact's kind are made of."""
    lists = names_in(fact.language)["near"]
    groups = dict.fromkeys(chain(*_ends(fact)))
    return [word for group in groups for word in lists[group][half]]


def _ends(fact: Fact) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the lists of words that names of a kind begin and end with; all where it is not known."""
    known = category(fact.kind, fact.language)
    if known == "thing":
        return ("given", "word"), ("family", "word")
    return (("given",), ("family",)) if known == "person" else (("word",), ("word",))


def _pieces(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Cut words in two: (first half, "") and ("", second half) of each that is long enough."""
    long = [word for word in words if len(word) >= SPLICED and word.isalpha()]
    cut = ((word[: len(word) // 2], word[len(word) // 2 :]) for word in long)
    return tuple(piece for first, last in cut for piece in ((first, ""), ("", last)))


def _parts(name: str, half: Half) -> Iterator[str]:
    """Put another head or tail to a name like TinyLLM."""
    lists = table()["near"]
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\s]+", name)
    if len(parts) > 1:
        head, tail = parts[0], parts[-1]
        yield from (head + new for new in lists["tail"][half] if new != tail)
        yield from (new + tail for new in lists["head"][half] if new != head)


def _exchanged(fact: Fact, half: Half, pool: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Put another word in the place of one, at the ends from lists, else any that is no small one."""
    lists = names_in(fact.language)["near"]
    own = fact.subject.split()
    first, last = ([word for each in ends for word in lists[each][half]] for ends in _ends(fact))
    yield from (" ".join([new, *own[1:]]) for new in first if new != own[0])
    yield from (" ".join([*own[:-1], new]) for new in last if new != own[-1])
    places = [i for i, word in enumerate(own) if not word.islower()] or [0]
    for word in rng.sample(pool, len(pool)):
        place = rng.choice(places)
        yield " ".join([*own[:place], word, *own[place + 1 :]])


def _spliced(name: str, pieces: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[str]:
    """Put the beginning or the end of another word in the place of that of one of the name's, for ever."""
    own = name.split()
    places = [i for i, word in enumerate(own) if len(word) >= SPLICED]
    while places and pieces:
        place, (first, last) = rng.choice(places), rng.choice(pieces)
        word = own[place]
        cut = rng.randrange(2, len(word) - 1)
        new = first + word[cut:] if first else word[:cut] + last
        if len(new) != len(word) or sum(a != b for a, b in zip(new, word, strict=True)) > 1:
            yield " ".join([*own[:place], new, *own[place + 1 :]])


def _one_mark_off(name: str, half: Half, rng: random.Random) -> list[str]:
    """Give the names with another initial, number or letter of a code like DF5, shuffled.

    A hash says which half a name is in: each half has every digit and letter.
    """
    marks = r"\d|\b[A-Z](?=\b|\.)|[A-Z](?=[A-Z]*\d)"
    made = [
        name[: match.start()] + mark + name[match.end() :]
        for match in re.finditer(marks, name)
        for mark in (string.digits if match[0].isdigit() else string.ascii_uppercase)
        if mark != match[0]
    ]
    own = [each for each in made if (zlib.crc32(each.encode()) % 2 == 0) == (half == "train")]
    rng.shuffle(own)
    return own


def _one_letter_off(name: str, half: Half, rng: random.Random) -> Iterator[str]:
    """Yield names one letter away for ever; which half a name is in follows from the letters alone."""
    places = [i for i, char in enumerate(name) if char.isascii() and char.isalpha()] or [0]
    letters = "abcdefghijklmnopqrstuvwxyz"
    # A model reads from the left: a name that differs at its end alone is the hardest to tell.
    for at_end in cycle((False, True)):
        place = places[-1] if at_end else rng.choice(places)
        letter = rng.choice(letters[::2] if half == "train" else letters[1::2])
        if letter != name[place].lower():
            yield (
                name[:place]
                + (letter.upper() if name[place].isupper() else letter)
                + name[place + 1 :]
            )
