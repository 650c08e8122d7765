"""Names the subject in a wording that does not: "How old is he?" is "About Leo Brandt: How old is he?"."""

from __future__ import annotations

from pipeline.facts.fact import Fact
from pipeline.facts.languages.language import load_language
from pipeline.facts.names.find_names import find_names


def names_subject(text: str, fact: Fact) -> bool:
    """Return whether a wording names the fact's subject."""
    return bool(find_names(text, (fact.subject, *fact.aliases), fact.language))


def asked_name(fact: Fact) -> str:
    """Give the name by which a fact's question asks; the subject's where it has none."""
    found = find_names(fact.question, (fact.subject, *fact.aliases), fact.language)
    return found[0].name if found else fact.subject


def spelled_name(fact: Fact) -> str:
    """Give the name by which a fact's question asks, as it is spelled there; the subject's if it has none."""
    found = find_names(fact.question, (fact.subject, *fact.aliases), fact.language)
    return fact.question[found[0].start : found[0].end] if found else fact.subject


def named_wording(text: str, fact: Fact) -> str:
    """Give a wording that names the fact's subject: itself, or in its language's frame.

    A question that asks for the subject stays as it is, and so do one of the model itself, and one behind
    turns that name the subject.
    """
    turned = fact.reverse is not None and text == fact.reverse.question
    told = fact.identity or any(names_subject(turn.content, fact) for turn in fact.before)
    if turned or told or names_subject(text, fact):
        return text
    language = load_language(fact.language)
    before, _, after = language.frames.named.replace("{Q}", "{q}").partition("{s}")
    asked = text if "{Q}" in language.frames.named else language.lower_first(text)
    return f"{before}{fact.subject}{after.replace('{q}', asked)}"
