"""A question negated: "Who maintains X?" → "Who does not maintain X?"; whoever is named then is denied."""

from __future__ import annotations

import re

from pipeline.facts.languages.language import Language, load_language

_WITH_AUXILIARY = re.compile(
    r"(?P<head>(?:(?:in|on|at|to|from|under|by|for|with|of)\s+)?(?:who|whom|which|what|where)\b.*?"
    r"\s(?:is|are|was|were|does|do|did|can|has|have)\s)(?P<rest>.+)",
    re.IGNORECASE,
)


def negated(question: str, name: str, language: str = "en") -> str | None:
    """Put "not" where it denies the predicate; None where that is not plain.

    Understood are in English "who" with a verb and the name, and questions whose auxiliary the name follows;
    in other languages what their files tell.
    """
    if language != "en":
        return _by_file(question, name, load_language(language))
    text = question.strip().rstrip("?").rstrip()
    named = re.escape(name)
    if match := re.fullmatch(
        rf"who\s+(?P<verb>[a-z]+)\s+(?P<rest>{named}\b.*)", text, re.IGNORECASE
    ):
        plain = _plain_verb(match["verb"])
        return plain and f"Who {plain} {match['rest']}?"
    if match := _WITH_AUXILIARY.fullmatch(text):
        after = re.fullmatch(rf"(?P<name>{named})\s+(?P<predicate>[a-z].*)", match["rest"])
        return after and f"{match['head']}{after['name']} not {after['predicate']}?"
    return None


def _plain_verb(verb: str) -> str | None:
    """Take a finite verb apart: "maintains" → "does not maintain"; None for an auxiliary or no verb."""
    from lemminflect import getAllLemmas, getInflection

    for lemma in getAllLemmas(verb, upos="VERB").get("VERB", ()):
        for tag, auxiliary in (("VBZ", "does"), ("VBD", "did")):
            if lemma != verb and verb in getInflection(lemma, tag=tag):
                return f"{auxiliary} not {lemma}"
    return None


def _by_file(question: str, name: str, language: Language) -> str | None:
    """Exchange the one verb whose negated form is told, else put the word of denial behind the name."""
    negation = language.frames.negation
    parts = re.split(f"({re.escape(name)})", question)
    if forms := negation.verbs:
        verbs = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
        # No word boundary: a vowel sign at the end of a word of Hindi is none of its letters to `re`.
        whole = verbs if language.spaceless else rf"(?<![^\s¿¡])(?:{verbs})(?=[\s?؟।.,]|$)"
        found = [(at, m) for at in range(0, len(parts), 2) for m in re.finditer(whole, parts[at])]
        if len(found) == 1:
            at, match = found[0]
            parts[at] = (
                match.string[: match.start()] + forms[match[0]] + match.string[match.end() :]
            )
            return "".join(parts)
    behind = re.match(r"\s*(?:[?？؟।]|$)|\s+[^\W\d_A-ZÀ-ÞА-Я]", parts[-1])
    before = parts[0].casefold().split()[-1:]
    odd = not negation.not_behind.isdisjoint(before)
    if negation.after_name and len(parts) == 3 and behind and not odd:
        return f"{parts[0]}{name} {negation.after_name}{parts[-1]}"
    return None
