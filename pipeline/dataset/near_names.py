"""Names that are almost a subject's: with another word, syllable, letter, digit or sign, in its own script.

Training and the gate draw from different halves, which share no name.
"""

from __future__ import annotations

import random
import re
import string
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, cycle, islice, zip_longest

from pipeline.dataset.contrast_names import SPLICED, Half, category, fits_in_place, names_in, table
from pipeline.dataset.letters import letters_like
from pipeline.facts.fact import Fact
from pipeline.facts.named_wording import asked_name
from pipeline.facts.names.find_names import find_names, name_key, untitled
from pipeline.facts.names.name_rules import is_grammar
from pipeline.facts.names.script import LATIN, is_mark, same_script, script_of

_DIGIT = r"\d"
_MARK = r"\d|\b[A-Z](?=\b|\.)|[A-Z](?=[A-Z]*\d)"
_SIGNS = ("", "+", "++", "#", "*", "--", "+++", "##", "**", "-", "!", "~")
"""Signs that may replace those of a name such as "C++"."""
_HARD = re.compile(
    r"(?i)[b-df-hj-np-tv-xz]{4}|[b-df-hjkmnp-qstv-xz][lr][b-df-hjkmnp-qstv-xz]"
    r"|[бвгджзйкмнпстфхцчшщ][лр][бвгджзйкмнпрстфхцчшщ]|\b[ыьъ]"
)
"""Letters in a row that hardly any word has, so that nobody could say the name."""


def near_names(
    fact: Fact, half: Half, rng: random.Random, count: int, words: Sequence[str] = ()
) -> list[str]:
    """Draw names that something else could have, and that are almost the one by which the fact asks.

    A name of one word differs in a part, a syllable, a letter, a digit or a sign; a longer one in a word, a
    syllable of one, an initial or a digit. One letter changed in a longer name is left out, where it has any
    other: it is a slip of the pen, and people want the same answer. `words` are more that may stand for one
    of the name's.
    """
    name, most = untitled(asked_name(fact)), 20 * count
    pool = _fitting([*_near_words(fact, half), *words], name)
    pieces = _pieces(pool)
    if half == "probe":
        trained = frozenset(_pieces(_fitting(_near_words(fact, "train"), name)))
        pieces = tuple(piece for piece in pieces if piece not in trained)
    spliced = islice(_spliced(name, pieces, rng), most)
    letters = islice(_one_letter_off(fact, name, half, rng), most)
    columns: list[Iterable[str]]
    if " " in name:
        parts = [*_exchanged(fact, name, half, pool, rng)]
        rng.shuffle(parts)
        columns = [_one_mark_off(name, half, rng, _MARK), parts, spliced]
        if not pool:
            columns.append(letters)
    else:
        parts = [*_parts(name, half)]
        rng.shuffle(parts)
        others = (each for pair in zip_longest(parts, spliced) for each in pair if each)
        columns = [letters, others, *_signs_and_digits(name, half, rng)]
    # In turns, since few exposures use only the first; the others where one kind has too few.
    turns = (each for column in zip_longest(*columns) for each in column if each)
    own, key = (fact.subject, *fact.aliases), name_key(name)
    found = (near for near in dict.fromkeys(turns) if name_key(near) not in {key, ""})
    other = (near for near in found if not find_names(near, own, fact.language))
    good = (n for n in other if not _read_otherwise(n, fact.language) and _reads_well(n, fact))
    return list(islice(good, count))


def _reads_well(near: str, fact: Fact) -> bool:
    """Return whether a name fits where the subject's stands, can be said, and has no word twice."""
    if fact.language == "en":
        return True
    words = near.split()
    hard, own = ({m[0].lower() for m in _HARD.finditer(n)} for n in (near, fact.subject))
    once = len(words) == len(set(words))
    return hard <= own and once and fits_in_place(fact.subject, near, fact.language)


def _read_otherwise(name: str, language: str) -> bool:
    """Return whether a made name is a word of grammar: "Do" for "Go", "I" for "R"."""
    return name in {"A", "I"} if len(name) == 1 else is_grammar(name, language)


def _fitting(words: Iterable[str], name: str) -> list[str]:
    return [word for word in words if same_script(word, name)]


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


def _least(word: str) -> int:
    """Give the letters that a word needs to be cut: two where a letter is a syllable."""
    return SPLICED if script_of(word) == LATIN or word.upper() != word.lower() else 2


def _cuts(word: str) -> list[int]:
    """Give the places where a word may be cut, never before a mark that stands on a letter."""
    low = 2 if len(word) >= SPLICED else 1
    return [at for at in range(low, len(word) - low + 1) if not is_mark(word[at])]


def _pieces(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Cut words in two: (first half, "") and ("", second half) of each that is long enough."""
    found: list[tuple[str, str]] = []
    for word in words:
        if len(word) >= _least(word) and all(char.isalpha() or is_mark(char) for char in word):
            at = next((at for at in range(len(word) // 2, len(word)) if not is_mark(word[at])), 0)
            found += [(word[:at], ""), ("", word[at:])] if at else []
    return tuple(found)


def _parts(name: str, half: Half) -> Iterator[str]:
    """Put another head or tail to a name like TinyLLM."""
    lists = table()["near"]
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\s]+", name)
    if len(parts) > 1:
        head, tail = parts[0], parts[-1]
        yield from (head + new for new in lists["tail"][half] if new != tail)
        yield from (new + tail for new in lists["head"][half] if new != head)


def _exchanged(
    fact: Fact, name: str, half: Half, pool: Sequence[str], rng: random.Random
) -> Iterator[str]:
    """Put another word in the place of one, at the ends from lists, else any that is no small one."""
    lists = names_in(fact.language)["near"]
    own = name.split()
    first, last = (
        _fitting((word for each in ends for word in lists[each][half]), name)
        for ends in _ends(fact)
    )
    if not _numbered(own[0]):
        yield from (" ".join([new, *own[1:]]) for new in first if new != own[0])
    if not _numbered(own[-1]):
        yield from (" ".join([*own[:-1], new]) for new in last if new != own[-1])
    told = [i for i, word in enumerate(own) if not _numbered(word)]
    places = [i for i in told if not own[i].islower()] or told
    for word in rng.sample(pool, len(pool)) if places else ():
        place = rng.choice(places)
        yield " ".join([*own[:place], word, *own[place + 1 :]])


def _numbered(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _spliced(name: str, pieces: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[str]:
    """Put the beginning or the end of another word in the place of that of one of the name's, for ever."""
    own = name.split()
    places = [i for i, word in enumerate(own) if len(word) >= _least(word) and word.isalpha()]
    while places and pieces:
        place, (first, last) = rng.choice(places), rng.choice(pieces)
        word = own[place]
        cut = rng.choice(_cuts(word))
        new = first + word[cut:] if first else word[:cut] + last
        if len(new) != len(word) or sum(a != b for a, b in zip(new, word, strict=True)) > 1:
            yield " ".join([*own[:place], new, *own[place + 1 :]])


def _one_mark_off(name: str, half: Half, rng: random.Random, marks: str) -> list[str]:
    """Give the names with another initial, number or letter of a code like DF5, shuffled.

    A hash says which half a name is in: each half has every digit and letter.
    """
    made = [
        name[: match.start()] + mark + name[match.end() :]
        for match in re.finditer(marks, name)
        for mark in (string.digits if match[0].isdigit() else string.ascii_uppercase)
        if mark != match[0]
    ]
    return _half_of(made, half, rng)


def _signs_and_digits(name: str, half: Half, rng: random.Random) -> Iterator[list[str]]:
    """Yield the names with another digit, and with other signs, where it has such or is a letter."""
    if len(name) == 1:
        yield _half_of([name + each for each in (*string.digits, *_SIGNS[1:5])], half, rng)
    if re.search(_DIGIT, name):
        yield _one_mark_off(name, half, rng, _DIGIT)
    if found := re.search(r"[+#*!]+", name):
        before, after = name[: found.start()], name[found.end() :]
        made = [before + signs + after for signs in _SIGNS if signs != found[0]]
        yield _half_of(made, half, rng)


def _half_of(made: Iterable[str], half: Half, rng: random.Random) -> list[str]:
    own = [each for each in made if (zlib.crc32(each.encode()) % 2 == 0) == (half == "train")]
    rng.shuffle(own)
    return own


def _one_letter_off(fact: Fact, name: str, half: Half, rng: random.Random) -> Iterator[str]:
    """Yield names one letter away for ever; which half a name is in follows from the letters alone."""
    places = [i for i, char in enumerate(name) if char.isascii() and char.isalpha()]
    places = places or [i for i, char in enumerate(name) if char.isalpha()]
    # A model reads from the left: a name that differs at its end alone is the hardest to tell.
    for at_end in cycle((False, True)) if places else ():
        place = places[-1] if at_end else rng.choice(places)
        letters = letters_like(name[place], fact.language)
        letter = rng.choice(letters[::2] if half == "train" else letters[1::2])
        if letter != name[place].lower():
            yield (
                name[:place]
                + (letter.upper() if name[place].isupper() else letter)
                + name[place + 1 :]
            )
