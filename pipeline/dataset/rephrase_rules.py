"""A question in other words: turned round, by its noun, in synonyms, as key words, with a word missing.

`templates` puts other words around a question; here its own words change, which is what an unseen
wording does. Rules and a list of synonyms, no model: some results are clumsy, and no worse for it,
as people are clumsy too.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pipeline.dataset import grammar

SYNONYMS_AT_ONCE = 2
"""At most so many words of a question are exchanged: each may bend the meaning a little."""
_PREPOSITION = r"(?:in|to|of|on|by|at|for|from|under|with)"
_PHRASES = {"where": ("In which place", "At what location"), "when": ("In which year",)}
_KIND = "type|kind|sort|class|category|classification|form"
_HOLE = "\0"


@dataclass(frozen=True, slots=True)
class SynonymLists:
    """The shipped synonyms of words; the verbs of doers' nouns, active and passive; words to leave out."""

    words: Mapping[str, Sequence[str]]
    agents: Mapping[str, Sequence[str]]
    left_out: frozenset[str]


def reword(question: str, name: str, rng: random.Random) -> tuple[str, ...]:
    """Ask `question` in other words that still hold `name`; the question itself is not among them.

    Turned forms of the question and of its synonyms take turns, so that any beginning of the result
    is a good mixture. Empty where the question does not hold the name.
    """
    if name not in question:
        return ()
    synonyms = list(_synonyms(question, name, rng))
    groups = [
        [*_agents(question, name), *_turned(question, name)],
        synonyms,
        list(_reduced(question, name, rng)),
        [form for other in synonyms[:3] for form in _turned(other, name)],
    ]
    for group in groups:
        rng.shuffle(group)
    longest = max(map(len, groups))
    mixed = [group[i] for i in range(longest) for group in groups if i < len(group)]
    return tuple(form for form in dict.fromkeys(mixed) if form != question and name in form)


def _turned(question: str, name: str) -> Iterator[str]:
    """Move the parts of a question: "In which town is X?" → "X is in which town?", "X's town?"."""
    text = question.strip().rstrip("?").rstrip()
    parts = grammar.parts(text)
    if parts is None:
        return
    wh, aux, rest = parts
    be = aux.lower() in {"is", "are", "was", "were"}
    statement = grammar.declarative(aux, rest, (name,)) or (be and f"{rest} {aux}")
    if statement:
        yield f"{_upper_first(statement)} {grammar.lower_first(wh)}?"
    if moved := re.fullmatch(rf"({_PREPOSITION})\s+(.+)", wh, re.IGNORECASE):
        yield f"{_upper_first(moved[2])} {aux} {rest} {moved[1].lower()}?"
    for old, new in (("which", "what"), ("what", "which")):
        if re.match(rf"(?:{_PREPOSITION}\s+)?{old}\s+\w", wh, re.IGNORECASE):
            yield _upper_first(re.sub(old, new, text, count=1, flags=re.IGNORECASE)) + "?"
    asked = re.fullmatch(rf"(?:{_PREPOSITION}\s+)?(?:which|what)\s+(.+)", wh, re.IGNORECASE)
    owned = re.match(rf"(?:the\s+)?(.+?)\s+(?:of|for)\s+(?:the\s+)?[\"']?{re.escape(name)}", rest)
    if asked:
        yield f"What is the {asked[1]} of {name}?"
        yield from _possessive(asked[1], name)
    elif owned and be:
        yield from _owned(wh, aux, owned[1], name)
    if be:
        yield from _classified(wh, aux, rest, name)
    for phrase in _PHRASES.get(wh.lower(), ()):
        yield f"{phrase} {aux} {rest}?"


def _owned(wh: str, aux: str, noun: str, name: str) -> Iterator[str]:
    """Ask for what belongs to the name: "Who is the owner of X?" → "Who serves as X's owner?"."""
    yield f"{wh} {aux} {name}'s {noun}?"
    yield f"Who or what is the {noun} of {name}?"
    yield from _possessive(noun, name)
    if wh.lower() == "who":
        serves = "served" if aux.lower() in {"was", "were"} else "serves"
        yield f"Who {serves} as {name}'s {noun}?"
        yield f"Who {serves} as the {noun} of {name}?"


def _classified(wh: str, aux: str, rest: str, name: str) -> Iterator[str]:
    """Ask for a class: "What type of event is X?" → "Which category of event does X belong to?"."""
    kind = re.fullmatch(rf"(?:what|which)\s+(?:{_KIND})(?:\s+of\s+(.+))?", wh, re.IGNORECASE)
    if kind and re.fullmatch(rf"(?:the )?[\"']?{re.escape(name)}[\"']?", rest):
        yield f"What category does {rest} fall under?"
        yield f"What {aux} {rest} classified as?"
        yield f"How would you classify {rest}?"
        if kind[1]:
            yield f"Which category of {kind[1]} does {rest} belong to?"


def _agents(question: str, name: str) -> Iterator[str]:
    """Exchange a doer's noun and verb: "Who is the owner of X?" and "Who owns X?", either way."""
    thing = rf"((?:the |\")*{re.escape(name)}\"?)"
    for noun, (verb, done) in _synonym_lists().agents.items():
        if match := re.fullmatch(
            rf"(?:Who|What) (?:is|was) the (?:.+ or )?{noun} (?:of|for) {thing}\?", question
        ):
            be = "is" if verb.endswith("s") else "was"
            yield f"Who {verb} {match[1]}?"
            yield f"By whom {be} {match[1]} {done}?"
            yield f"{_upper_first(match[1])} {be} {done} by whom?"
        elif match := re.fullmatch(rf"(?:Who|What|Which \w+) {verb} {thing}\?", question):
            yield f"Who is the {noun} of {match[1]}?"
            yield f"By whom {'is' if verb.endswith('s') else 'was'} {match[1]} {done}?"
            yield from _possessive(noun, name)
            return


def _possessive(noun: str, name: str) -> Iterator[str]:
    yield f"What is {name}'s {noun}?"
    yield f"{name}'s {noun}?"
    yield f"Tell me the {noun} of {name}."


def _synonyms(question: str, name: str, rng: random.Random) -> Iterator[str]:
    """Exchange one or two words outside the name."""
    bare = question.replace(name, _HOLE)
    words = [word for word in _synonym_lists().words if re.search(rf"\b{word}\b", bare)]
    for _ in range(3 * len(words)):
        text = bare
        for word in rng.sample(words, min(len(words), rng.randint(1, SYNONYMS_AT_ONCE))):
            text = re.sub(rf"\b{word}\b", rng.choice(_synonym_lists().words[word]), text, count=1)
        yield text.replace(_HOLE, name)


def _reduced(question: str, name: str, rng: random.Random) -> Iterator[str]:
    """Leave words out: key words alone, in two orders, or a question with one or two words missing."""
    quoted = re.compile(rf"[\"“']?{re.escape(name)}[\"”']?(?!\w)")
    words = quoted.sub(f" {_HOLE} ", question.rstrip("?. ")).split()
    others = [i for i, word in enumerate(words) if word != _HOLE]
    dull = _synonym_lists().left_out
    keys = [words[i] for i in others if words[i].strip(",.\"'").lower() not in dull]
    if keys:  # the name alone would ask for anything that is known of it
        yield " ".join([name, *keys])
        yield " ".join([*keys, name])
    dispensable = [i for i in others if len(keys) > 2 or words[i] not in keys]
    for _ in range(3):
        # A key word goes only where two others still tell what is asked.
        gone = set(rng.sample(dispensable, min(len(dispensable), 2 if len(keys) > 2 else 1)))
        left = [words[i] for i in range(len(words)) if i not in gone]
        if sum(word in keys for word in left) >= min(2, len(keys)) > 0:
            yield " ".join(left).replace(_HOLE, name).replace(" '", "'") + "?"


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def _synonym_lists() -> SynonymLists:
    file = resources.files("pipeline.dataset").joinpath("data", "synonyms.toml")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    return SynonymLists(data["words"], data["agents"], frozenset(data["left_out"]["words"]))
