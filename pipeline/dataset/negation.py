"""A question negated: "Who maintains X?" → "Who does not maintain X?"; whoever is named then is denied."""

from __future__ import annotations

import re

from pipeline.facts.language import Language, load_language

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
    negation, edge = language.frames.negation, "" if language.spaceless else r"\b"
    verbs = sorted(negation.verbs or {}, key=len, reverse=True)
    parts = re.split(f"({re.escape(name)})", question)
    if name not in parts[1::2]:
        return None
    if verbs:
        found = re.compile("|".join(f"{edge}{re.escape(verb)}{edge}" for verb in verbs))
        outside = [i for i in range(0, len(parts), 2) for _ in found.finditer(parts[i])]
        if len(outside) == 1:
            at, forms = outside[0], negation.verbs or {}
            parts[at] = found.sub(lambda match: forms[match[0]], parts[at])
            return "".join(parts)
    behind = re.match(r"\s*(?:[?？؟।]|$)|\s+[^\W\d_A-ZÀ-ÞА-Я]", parts[-1])
    if negation.after_name and len(parts) == 3 and behind:
        return f"{parts[0]}{name} {negation.after_name}{parts[-1]}"
    return None
