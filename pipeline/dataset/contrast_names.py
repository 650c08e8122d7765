"""Names of things that a fact is told from: others of its kind, and names of its make.

Training and the gate draw from different halves, which share no name. `near_names` has those almost its own.
"""

from __future__ import annotations

import random
import re
import string
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal  # TOML data has no narrower type than Any before it is read here

from pipeline.dataset import identity
from pipeline.facts.fact import Fact
from pipeline.facts.languages.folding import tokens
from pipeline.facts.languages.language import languages, load_language
from pipeline.facts.names.script import same_script

Half = Literal["train", "probe"]

SPLICED = 4
"""Letters that a word needs to be mixed with another one."""
_MARKS = "()[]\"'.,:"
_YEAR = re.compile(r"(?:1\d|20)\d\d")
FEWEST = 5
"""Names of its kind that a fact is told from at least; names of other kinds stand in."""


def same_kind(fact: Fact, half: Half, rng: random.Random, count: int) -> list[str]:
    """Draw names of other things of the fact's kind; of all kinds where it is not known."""
    if fact.identity:
        others = identity.other_assistants(half)
        return rng.sample(others, min(count, len(others)))
    kind, known = category(fact.kind, fact.language), names_in(fact.language)
    kinds = [each for each in known if each != "near"]
    if kind not in kinds:
        kind = "thing"
    names = [name for each in kinds for name in known[each][half] if kind in {each, "thing"}]
    if re.search(rf"[«„“\"‘《「『]{re.escape(fact.subject)}", fact.question):
        names = [name.strip("«»《》『』") for name in names]  # no quotes within quotes
    fit = [name for name in names if fits_in_place(fact.subject, name, fact.language)]
    if len(fit) < FEWEST:
        every = dict.fromkeys(name for each in kinds for name in known[each][half])
        fit += [n for n in every if n not in fit and fits_in_place(fact.subject, n, fact.language)]
        fit = fit[:FEWEST]
    names = fit
    return rng.sample(names, min(count, len(names)))


def same_make(name: str, common: Collection[str], pool: Sequence[str], rng: random.Random) -> str:
    """Write a name of the same make: with all that is telling in it exchanged, like another asteroid's.

    `common` words stay ("Parish Church"), and so do small ones and a year's century; other digits and
    initials become any others, and each other word one of the `pool`, or one that is made of two of those.
    """
    long = [w for w in pool if len(w) >= SPLICED and w.isalpha() and not w.islower()]
    pieces = [word for word in long if same_script(word, name)]

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

    The kind is a word of English, as in most files, of the fact's own language, or of another one: a file
    with facts in several has one kind.
    """
    words = set(re.findall(r"\w+", kind.casefold()))
    for category, entry in table().items():
        if words & set(entry.get("kinds", ())):
            return category
    return "thing" if language == "en" else _category_elsewhere(kind, language)


@lru_cache(maxsize=1 << 10)
def _category_elsewhere(kind: str, language: str) -> str:
    """Find the category of a kind that is no word of English, in the fact's own language first."""
    words = set(tokens(kind))
    for own in (load_language(language), *languages()):
        for category, kinds in own.kinds.items():
            if words & set(kinds) or (own.spaceless and any(each in kind for each in kinds)):
                return category
    return "thing"


def fits_in_place(name: str, other: str, language: str) -> bool:
    """Return whether another name fits where a name stands: "le logo d'Orbex" cannot be that of Firefox."""
    alike = load_language(language).alike
    return not alike or bool(re.search(alike, name)) == bool(re.search(alike, other))


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

    # A language that names things itself has no need of those that others name.
    kinds = [each for each in shipped if each != "near" and (each in own or not own)]
    found = {each: halves(each, shipped[each]) for each in kinds}
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
