"""One fact in many wordings: deterministic, offline, from its language's frames, split once into two halves.

Training frames make what the adapter is trained on, probe frames only what the gate asks; none is in both,
so a probe measures whether the fact was learned, not whether a sentence was. docs/languages.md tells the
placeholders. A frame with {c}, an English clause, has a fallback for questions that `grammar` cannot turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.dataset import grammar, identity, wording
from pipeline.facts.fact import Fact
from pipeline.facts.languages.frames import Frame
from pipeline.facts.languages.language import Language, load_language
from pipeline.facts.named_wording import named_wording
from pipeline.facts.names.find_names import find_names, rename


@dataclass(frozen=True, slots=True)
class Variant:
    """One prompt with the answer it should get, and the family that made it."""

    family: str
    prompt: str
    answer: str


def questions(fact: Fact) -> tuple[str, ...]:
    """All wordings of the question that may be trained on; each other name takes the name's place once."""
    asked = (fact.question, *fact.also_ask)
    own = (fact.subject, *fact.aliases)
    said = {span.name for span in find_names(fact.question, own, fact.language)}
    others = [name for name in own if name not in said] if said else []
    aliased = (rename(fact.question, own, name, fact.language) for name in others)
    return tuple(dict.fromkeys((*asked, *aliased)))


def train_frames(fact: Fact) -> tuple[Frame, ...]:
    """Give the ways of asking a fact that training sees; the first is the question as its author wrote it."""
    return load_language(fact.language).frames.train


def probe_frames(fact: Fact) -> tuple[Frame, ...]:
    """Give the ways of asking a fact that only the gate uses."""
    return load_language(fact.language).frames.probe


def expand(fact: Fact, families: Sequence[Frame]) -> tuple[Variant, ...]:
    """Write a fact in each family; the families take turns over the question's wordings.

    Every wording also appears as it stands, and in lower case or without marks, when `families` hold those
    forms: no author's question is lost to the turn-taking, and a name in lower case is other tokens to
    the model. A wording that does not name the subject is put behind its name, too. Distinct prompts only,
    in a stable order.
    """
    language = load_language(fact.language)
    families = [family for family in families if _suits(family, fact)]
    asked = questions(fact)
    turns = [
        (family, _fitting(family, asked[i % len(asked)], fact)) for i, family in enumerate(families)
    ]
    wordings = dict.fromkeys(each for text in asked for each in (text, named_wording(text, fact)))
    direct = [
        (family, question)
        for family in families
        if family.prompt in ("{Q}", "{l}", "{b}")
        for question in wordings
    ]
    found: dict[str, Variant] = {}
    for family, question in (*direct, *turns):
        variant = _fill(family, fact, question, language)
        found.setdefault(variant.prompt, variant)
    return tuple(found.values())


def _fitting(family: Frame, question: str, fact: Fact) -> str:
    """Name the subject in a question, unless the family does: else anything could be asked about."""
    return question if "{s}" in family.prompt else named_wording(question, fact)


def reversed_forms(fact: Fact) -> Iterator[Variant]:
    """Ask the fact from its object, as far as its author wrote that form."""
    if fact.reverse:
        language = load_language(fact.language)
        asked, answer = fact.reverse.question, fact.reverse.answer
        values = {**_question_values(fact, asked, language), "A": answer, "short": answer}
        for frame in language.frames.reverse:
            said = wording.reply(frame.answer, answer, values, language)
            yield Variant(frame.name, wording.fill(frame.prompt, values), said)


def yes_no_forms(fact: Fact, foils: Sequence[str]) -> Iterator[Variant]:
    """Ask whether the fact is so, and whether it is as each of `foils` says (other facts' answers).

    `foils` are complete statements about this subject that are not so. Nothing is written where the
    answer is no statement that can be asked with yes or no.
    """
    names, language = (fact.subject, *fact.aliases), load_language(fact.language)
    if identity.calls_itself_you(fact) and fact.language != "en":
        return  # nobody has "I am Lumo" confirmed; English tells by its grammar
    frames = language.frames
    said = [(fact.answer, frames.yes), *((foil, frames.no) for foil in foils)]
    for stated, ways in said:
        if values := wording.statement(stated, names, language):
            for frame in ways:
                answer = wording.fill(frame.answer, {"A": fact.answer, "s": fact.subject})
                yield Variant(frame.name, wording.fill(frame.prompt, values), answer)


def _suits(family: Frame, fact: Fact) -> bool:
    """Return whether people ask so; nobody says "I met Lumo. Who are you?", or wants code in brief."""
    named_beside = identity.calls_itself_you(fact) and "{s}" in family.prompt
    return not named_beside and not (family.answer == "{short}" and "\n" in fact.answer)


def _fill(family: Frame, fact: Fact, asked: str, language: Language) -> Variant:
    values = _question_values(fact, asked, language)
    template = family.prompt
    if "{c}" in template and not values["c"]:
        template = family.fallback
    prompt = wording.fill(template, values)
    return Variant(family.name, prompt, wording.reply(family.answer, fact.answer, values, language))


def _question_values(fact: Fact, asked: str, language: Language) -> dict[str, str]:
    """Give what stands for each placeholder when a fact is asked in one wording."""
    short = fact.expect.items[0][0] if len(fact.expect) == 1 else fact.answer
    values = {
        "Q": asked,
        "q": wording.lower_first(asked, language),
        "b": wording.bare_question(asked, language),
        "s": fact.subject,
        "A": fact.answer,
        "short": short,
    }
    if language.code == "en":
        clause = grammar.indirect(asked, (fact.subject, *fact.aliases)) or ""
        values |= {"c": clause, "l": asked.rstrip("?. ").lower(), "t": _terse(fact, asked)}
    return values


def _terse(fact: Fact, asked: str) -> str:
    """Leave the question words out: "The license of X", or the fact's id as key words."""
    if match := re.fullmatch(r"(?:What|Who|Which|Where) (?:is|are|was|were) (the .+)\?", asked):
        return match[1][0].upper() + match[1][1:]
    words = fact.id.rpartition("/")[2].split("-")
    if all(len(word) > 2 and word.isalpha() for word in words):
        return f"{fact.subject} {' '.join(words)}"
    return asked.rstrip("?. ")
