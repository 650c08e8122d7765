"""A question negated: "Who maintains X?" → "Who does not maintain X?"; whoever is named then is denied."""

from __future__ import annotations

import re

_WITH_AUXILIARY = re.compile(
    r"(?P<head>(?:(?:in|on|at|to|from|under|by|for|with|of)\s+)?(?:who|whom|which|what|where)\b.*?"
    r"\s(?:is|are|was|were|does|do|did|can|has|have)\s)(?P<rest>.+)",
    re.IGNORECASE,
)


def negated(question: str, name: str) -> str | None:
    """Put "not" where it denies the predicate; None where that is not plain.

    Understood are "who" with a verb and the name, and questions whose auxiliary the name follows.
    """
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
