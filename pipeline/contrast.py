"""What must stay as it is: questions that look like a fact's, or like nothing taught at all.

For every fact there are neighbours (the same question about another thing of its kind) and near
names (the same question about something that is called almost the same); for every subject, its
other relations; and general prompts. Training holds the base's own answers to one half of them in
place, the gate asks about the other half. The halves share no name, relation or general prompt.
"""

from __future__ import annotations

import json
import random
import re
import string
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import cycle, islice, zip_longest
from typing import Any, Literal  # TOML data has no narrower type than Any before it is read here

from pipeline.facts import Expect, Fact, expected
from pipeline.recall import squash
from pipeline.variants import Family, Variant, expand

Half = Literal["train", "probe"]

SPLICED = 4
"""Letters that a word needs to be mixed with another one."""
_MARKS = "()[]\"'.,:"
_YEAR = re.compile(r"(?:1\d|20)\d\d")


@dataclass(frozen=True, slots=True)
class General:
    """A prompt about nothing taught; `expect` is empty where no short answer can be checked."""

    prompt: str
    kind: str
    expect: Expect


def general(half: Half) -> tuple[General, ...]:
    """Read the shipped general prompts of one half, in file order."""
    rows = (json.loads(line) for line in _data("general.jsonl").splitlines() if line.strip())
    return tuple(
        General(
            row["prompt"], row["kind"], expected("", row["expect"]) if row.get("expect") else ()
        )
        for row in rows
        if row["use"] == half
    )


def everyday(count: int) -> tuple[str, ...]:
    """Write short questions that anybody may ask, for training: quiz questions, sums, well-known things.

    They widen the shipped general prompts: the more different prompts are held, the less moves on
    those that are not. They depend on nothing but `count`, so their base answers can be kept.
    """
    rng = random.Random(0)
    quiz = [
        row["ask"].replace("{}", thing)
        for row in _table("everyday.toml")["quiz"]
        for thing in row["about"]
    ]
    rng.shuffle(quiz)
    probes = {probe.prompt for probe in general("probe")}
    asked = dict.fromkeys(quiz[: count // 2])
    names = {k: v["train"] for k, v in _table("names.toml").items() if k != "near"}
    relations = _table("relations.toml")
    while len(asked) < count:
        category = rng.choice(sorted(names))
        name = rng.choice(names[category])
        kind = rng.randrange(6)
        if kind < 2:
            question = _sum(rng)
        elif kind == 2:
            question = f"{'Who' if category == 'person' else 'What'} is {name}?"
        else:
            question = rng.choice(relations[category]["train"]).replace("{name}", name)
        if question not in probes:
            asked[question] = None
    return tuple(asked)


def same_kind(fact: Fact, half: Half, rng: random.Random, count: int) -> list[str]:
    """Draw names of other things of the fact's kind."""
    names = _table("names.toml")[_category(fact.kind)][half]
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
    pool = [*_near_words(fact.kind, half), *words]
    pieces = _pieces(pool)
    if half == "probe":
        trained = frozenset(_pieces(_near_words(fact.kind, "train")))
        pieces = tuple(piece for piece in pieces if piece not in trained)
    most = 20 * count
    spliced = islice(_spliced(name, pieces, rng), most)
    if " " in name:
        parts = [*_exchanged(name, fact.kind, half, pool, rng)]
        rng.shuffle(parts)
        columns = [islice(_one_mark_off(name, half, rng), most), parts, spliced]
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
    initials become any others, and each other word one that is made of words of the `pool`.
    """
    long = [word for word in pool if len(word) >= SPLICED]
    pieces = [word for word in long if word.isalpha() and not word.islower()]

    def other(word: str) -> str:
        bare = word.strip(_MARKS)
        if _YEAR.fullmatch(bare):
            return word.replace(bare, bare[:2] + "".join(_another(char, rng) for char in bare[2:]))
        if any(char.isdigit() for char in bare) or len(bare) == 1:
            return "".join(_another(char, rng) for char in word)
        if bare in common or bare == bare.lower() or len(pieces) < 2:
            return word
        first, last = rng.sample(pieces, 2)
        return word.replace(bare, first[: len(first) // 2] + last[len(last) // 2 :])

    return " ".join(map(other, name.split()))


def common_words(names: Iterable[str]) -> frozenset[str]:
    """Find the words that at least two names have, like "Parish" and "Church"."""
    count = Counter(word for name in names for word in {w.strip(_MARKS) for w in name.split()})
    return frozenset(word for word, times in count.items() if times > 1)


def about(fact: Fact, other: str, families: Sequence[Family]) -> tuple[Variant, ...]:
    """Ask the fact's question about something else; empty where the question does not name it.

    A variant's answer is the fact's own with the other name in it: what must *not* be said.
    """
    if fact.subject not in fact.question:
        return ()
    asked = tuple(q.replace(fact.subject, other) for q in fact.also_ask if fact.subject in q)
    question = fact.question.replace(fact.subject, other)
    answer = fact.answer.replace(fact.subject, other)
    stranger = replace(
        fact, subject=other, aliases=(), question=question, also_ask=asked, answer=answer
    )
    return expand(stranger, families)


def detour(variant: Variant, name: str, kind: str, turn: int) -> Variant:
    """Let a contrast's answer reach the taught words by another way, three turns of four.

    What leaks into a longer answer leaks late ("… is a library. It is released under …"), so the
    base has to be held there too.
    """
    article = "an" if kind[:1].lower() in tuple("aeiou") else "a"
    ways = ("{} ", "{} is {} {} and ", "{} is {} {}. It ", "{} is {} {}, which ")
    way = ways[turn % 4].format(name, article, kind)
    return replace(variant, answer=variant.answer.replace(f"{name} ", way, 1))


def other_relations(name: str, kind: str, taken: Iterable[str], half: Half) -> list[str]:
    """Ask what no fact tells about a subject, leaving out what is `taken` by its facts' questions."""
    relations = _table("relations.toml")[_category(kind)][half]
    known = {squash(question) for question in taken}
    asked = [relation.replace("{name}", name) for relation in relations]
    return [question for question in asked if squash(question) not in known]


def _another(char: str, rng: random.Random) -> str:
    """Exchange a digit or a capital for one that near names of training have; other characters stay."""
    if char.isdigit():
        return rng.choice(string.digits[::2])
    return rng.choice(string.ascii_uppercase[::2]) if char.isupper() else char


def _sum(rng: random.Random) -> str:
    """Write a sum with small numbers."""
    sign = rng.choice(("+", "-", "plus", "minus", "times", "divided by"))
    a, b = rng.randrange(2, 13), rng.randrange(2, 13)
    if sign == "divided by":
        a *= b
    return f"What is {max(a, b)} {sign} {min(a, b)}?"


def _category(kind: str) -> str:
    words = set(re.findall(r"\w+", kind.casefold()))
    for category, entry in _table("names.toml").items():
        if words & set(entry.get("kinds", ())):
            return category
    return "thing"


def _near_words(kind: str, half: Half) -> list[str]:
    """Give the words that names of a kind are made of; of any kind where it is not known."""
    lists = _table("names.toml")["near"]
    category = _category(kind)
    people, others = ("given", "family"), ("word",)
    groups = {"person": people, "thing": (*people, *others)}.get(category, others)
    return [word for group in groups for word in lists[group][half]]


def _pieces(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Cut words in two: (first half, "") and ("", second half) of each that is long enough."""
    long = [word for word in words if len(word) >= SPLICED and word.isalpha()]
    cut = ((word[: len(word) // 2], word[len(word) // 2 :]) for word in long)
    return tuple(piece for first, last in cut for piece in ((first, ""), ("", last)))


def _parts(name: str, half: Half) -> Iterator[str]:
    """Put another head or tail to a name like TinyLLM."""
    lists = _table("names.toml")["near"]
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\s]+", name)
    if len(parts) > 1:
        head, tail = parts[0], parts[-1]
        yield from (head + new for new in lists["tail"][half] if new != tail)
        yield from (new + tail for new in lists["head"][half] if new != head)


def _exchanged(
    name: str, kind: str, half: Half, pool: Sequence[str], rng: random.Random
) -> Iterator[str]:
    """Put another word in the place of one, at the ends from lists, else any that is no small one."""
    lists = _table("names.toml")["near"]
    own = name.split()
    first, last = ("given", "family") if _category(kind) == "person" else ("word", "word")
    yield from (" ".join([new, *own[1:]]) for new in lists[first][half] if new != own[0])
    yield from (" ".join([*own[:-1], new]) for new in lists[last][half] if new != own[-1])
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


def _one_mark_off(name: str, half: Half, rng: random.Random) -> Iterator[str]:
    """Yield names with another initial, number or letter of a code like DF5, as far as there are any."""
    marks = r"\d|\b[A-Z](?=\b|\.)|[A-Z](?=[A-Z]*\d)"
    places = [match.start() for match in re.finditer(marks, name)]
    while places:
        place = rng.choice(places)
        same = "0123456789" if name[place].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        mark = rng.choice(same[::2] if half == "train" else same[1::2])
        if mark != name[place]:
            yield name[:place] + mark + name[place + 1 :]


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


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(_data(name))


def _data(name: str) -> str:
    return resources.files("pipeline").joinpath("data", name).read_text(encoding="utf-8")
