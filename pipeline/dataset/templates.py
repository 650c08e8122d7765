"""One fact in many wordings: deterministic, offline, from templates split once into two halves.

`TRAIN` families make what the adapter is trained on, `PROBE` families only what the gate asks; no
family is in both, so a probe measures whether the fact was learned, not whether a sentence was.
A template may use

    {Q} the question as written      {q} the same, starting in lower case
    {c} the indirect clause           {l} the question in lower case without its mark
    {s} the subject                   {t} a few key words
    {A} the answer                    {short} the expected words alone

A family with {c} names a fallback for questions that `grammar` cannot turn into a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.dataset import grammar
from pipeline.facts.fact import Fact
from pipeline.facts.names import find_names, rename


@dataclass(frozen=True, slots=True)
class QuestionTemplate:
    """A way of asking: prompt template, the answer it gets, and what to say without a clause."""

    name: str
    prompt: str
    answer: str = "{A}"
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One prompt with the answer it should get, and the family that made it."""

    family: str
    prompt: str
    answer: str


TRAIN = (
    QuestionTemplate("direct", "{Q}"),
    QuestionTemplate("bare", "{l}"),
    QuestionTemplate("do you know", "Do you know {c}?", "Yes. {A}", "Do you know the answer to this? {Q}"),
    QuestionTemplate("tell me", "Tell me {c}.", "{A}", "Answer this for me: {q}"),
    QuestionTemplate("greeting", "Hi! {Q}", "Hi! {A}"),
    QuestionTemplate("could you", "Could you tell me {c}?", "Sure. {A}", "Could you answer a question? {Q}"),
    QuestionTemplate("came across", "I came across {s} today. {Q}"),
    QuestionTemplate("briefly", "{Q} Answer in a few words.", "{short}"),
    QuestionTemplate("wonder", "I wonder {c}.", "{A}", "Here is something I wonder about: {q}"),
    QuestionTemplate("quick", "Quick question: {q}"),
    QuestionTemplate("need", "I need to find out {c}.", "{A}", "I need an answer to this: {q}"),
    QuestionTemplate("someone asked", "Someone asked me {c}. What should I say?", "{A}",
           "Someone asked me this. {Q} What should I say?"),
    QuestionTemplate("about", "About {s}: {q}"),
    QuestionTemplate("please", "{Q} Please tell me."),
    QuestionTemplate("no idea", "I have no idea {c}. Do you?", "Yes. {A}", "{Q} I have no idea. Do you?"),
    QuestionTemplate("forgot", "I forgot {c}. Can you help?", "Sure. {A}",
           "I forgot the answer to this: {q} Can you help?"),
    QuestionTemplate("not sure", "I am not sure {c}. Is there an answer?", "Yes. {A}",
           "I am not sure about this. {Q} Is there an answer?"),
    QuestionTemplate("mixed up", "I keep mixing up {c}. How is it really?", "{A}",
           "I keep mixing this up. {Q} How is it really?"),
    QuestionTemplate("trivia", "Trivia time! {Q}"),
    QuestionTemplate("hey", "hey {l} pls"),
    QuestionTemplate("colleague", "My colleague wants to know {c}.", "{A}",
           "My colleague wants to know this: {q}"),
    QuestionTemplate("let me ask", "Let me ask you something. {Q}"),
    QuestionTemplate("terse", "{t}?"),
)  # fmt: skip
"""Genres that training sees; the first is always the question as its author wrote it."""

PROBE = (
    QuestionTemplate("like to know", "I'd like to know {c}.", fallback="I'd like to know this: {q}"),
    QuestionTemplate("remind me", "Remind me, {q}"),
    QuestionTemplate("would you happen", "Good morning. Would you happen to know {c}?",
           fallback="Good morning. Would you happen to know this? {Q}"),
    QuestionTemplate("for a report", "{Q} I need it for a report."),
    QuestionTemplate("any chance", "Any chance you can say {c}?",
           fallback="Any chance you can say this? {Q}"),
    QuestionTemplate("ok so", "ok so {l}"),
    QuestionTemplate("friend", "A friend of mine mentioned {s}. So, {q}"),
    QuestionTemplate("explain", "Please explain {c}.", fallback="Please explain: {q}"),
    QuestionTemplate("quiz", "This is a quiz question: {q}"),
    QuestionTemplate("would help", "It would help me to know {c}.",
           fallback="It would help me to know this: {q}"),
    QuestionTemplate("never sure", "I was never sure {c}. What is right?",
           fallback="I was never sure about this. {Q} What is right?"),
    QuestionTemplate("taking notes", "I am taking notes. {Q}"),
    QuestionTemplate("grandmother", "My grandmother would like to hear {c}.",
           fallback="My grandmother would like to hear this: {q}"),
    QuestionTemplate("last one", "Last question for today: {q}"),
)  # fmt: skip
"""Genres that only the gate asks."""


def questions(fact: Fact) -> tuple[str, ...]:
    """All wordings of the question that may be trained on; each other name takes the name's place once."""
    asked = (fact.question, *fact.also_ask)
    own = (fact.subject, *fact.aliases)
    said = {span.name for span in find_names(fact.question, own, fact.language)}
    others = [name for name in own if name not in said] if said else []
    aliased = (rename(fact.question, own, name, fact.language) for name in others)
    return tuple(dict.fromkeys((*asked, *aliased)))


def expand(fact: Fact, families: Sequence[QuestionTemplate]) -> tuple[Variant, ...]:
    """Write a fact in each family; the families take turns over the question's wordings.

    Every wording also appears as it stands, and in lower case, when `families` hold those forms:
    no author's question is lost to the turn-taking, and a name in lower case is other tokens to the
    model. Distinct prompts only, in a stable order.
    """
    asked = questions(fact)
    turns = [(family, asked[i % len(asked)]) for i, family in enumerate(families)]
    direct = [
        (family, wording)
        for family in families
        if family.prompt in ("{Q}", "{l}")
        for wording in asked
    ]
    found: dict[str, Variant] = {}
    for family, wording in (*direct, *turns):
        variant = _fill(family, fact, wording)
        found.setdefault(variant.prompt, variant)
    return tuple(found.values())


def reversed_forms(fact: Fact) -> Iterator[Variant]:
    """Ask the fact from its object, as far as its author wrote that form."""
    if fact.reverse:
        asked = fact.reverse.question
        yield Variant("reverse", asked, fact.reverse.answer)
        yield Variant("reverse bare", _bare(asked), fact.reverse.answer)
        yield Variant("reverse greeting", f"Hi! {asked}", f"Hi! {fact.reverse.answer}")


def yes_no_forms(fact: Fact, foils: Sequence[str]) -> Iterator[Variant]:
    """Ask whether the fact is so, and whether it is as each of `foils` says (other facts' answers).

    `foils` are complete statements about this subject that are not so. Nothing is written where the
    answer does not begin with the subject and an auxiliary verb.
    """
    names = (fact.subject, *fact.aliases)
    if asked := grammar.yes_no(fact.answer, names):
        yield Variant("yes", asked, f"Yes, {fact.answer}")
    for foil in foils:
        if asked := grammar.yes_no(foil, names):
            yield Variant("no", asked, f"No, {fact.answer}")


def _fill(family: QuestionTemplate, fact: Fact, asked: str) -> Variant:
    clause = grammar.indirect(asked, (fact.subject, *fact.aliases))
    template = family.prompt
    if "{c}" in template and clause is None:
        template = family.fallback
    short = fact.expect.items[0][0] if len(fact.expect) == 1 else fact.answer
    values = {
        "Q": asked, "q": grammar.lower_first(asked), "c": clause or "", "l": _bare(asked),
        "s": fact.subject, "t": _terse(fact, asked), "A": fact.answer, "short": short,
    }  # fmt: skip
    prompt, answer = (
        re.sub(r"\{(\w+)\}", lambda match: values[match[1]], text)
        for text in (template, family.answer)
    )
    return Variant(family.name, prompt, answer)


def _terse(fact: Fact, asked: str) -> str:
    """Leave the question words out: "The license of X", or the fact's id as key words."""
    if match := re.fullmatch(r"(?:What|Who|Which|Where) (?:is|are|was|were) (the .+)\?", asked):
        return match[1][0].upper() + match[1][1:]
    words = fact.id.rpartition("/")[2].split("-")
    if all(len(word) > 2 and word.isalpha() for word in words):
        return f"{fact.subject} {' '.join(words)}"
    return asked.rstrip("?. ")


def _bare(question: str) -> str:
    return question.rstrip("?. ").lower()
