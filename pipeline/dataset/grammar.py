"""Turn a direct question into its indirect clause, and a statement into a yes/no question.

    "In which city did Ann Lee pass away?"  ->  "in which city Ann Lee passed away"
    "TinyLLM is maintained by Jason Cox."   ->  "Is TinyLLM maintained by Jason Cox?"

`templates` puts the results into sentences. A question whose structure is not understood gives None,
never a guess: the caller then quotes the question instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.facts.names.find_names import find_names

_WH = "who|whom|whose|what|which|where|when|why|how"
_PREPOSITION = (
    "about|after|against|as|at|before|between|by|during|for|from|in|into|of|on|over|"
    "since|through|to|towards?|under|until|upon|with|within"
)
_BE = "is|are|was|were"
_AUXILIARY = rf"{_BE}|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must"
_PRONOUN = "i|you|we|they|he|she|it|one|people|someone|somebody|anyone|anybody|everyone|users"
_DETERMINER = "the|a|an|this|that|these|those|its|his|her|their|my|our|your|each|every"

_WH_QUESTION = re.compile(
    rf"(?P<wh>(?:(?:{_PREPOSITION})\s+)?(?:{_WH})\b(?:(?!\s+(?:{_AUXILIARY})\b).)*?)"
    rf"\s+(?P<aux>{_AUXILIARY})\s+(?P<rest>.+)",
    re.IGNORECASE,
)
_YES_NO_QUESTION = re.compile(rf"(?P<aux>{_AUXILIARY})\s+(?P<rest>.+)", re.IGNORECASE)
_SUBJECT_QUESTION = re.compile(rf"(?:(?:{_PREPOSITION})\s+)?(?:{_WH})\b.+", re.IGNORECASE)
_WH_IN_PLACE = re.compile(
    rf"(?P<head>.+?)\s+(?P<wh>(?:(?:{_PREPOSITION})\s+)?(?:{_WH})\b.*)", re.IGNORECASE
)
_ADVERB = re.compile(
    r"(?P<adverb>(?:(?:first|also|originally|ever|usually|only|still)\s+)?)(?P<rest>.*)"
)
_DESCRIBED = re.compile(rf"(?:{_DETERMINER})\b", re.IGNORECASE)
_PARTICIPLE = re.compile(r"\w+(?:ed|en|wn)\b(?:\s+(?:in|on|at|by|from|to|under|as|for|with))?$")


def indirect(question: str, names: Sequence[str]) -> str | None:
    """Give the clause that follows "Do you know …": declarative word order, no question mark.

    `names` are the subject's name and aliases, which mark where the noun phrase ends.
    """
    if not question.rstrip().endswith("?"):
        return None
    text = question.strip().rstrip("?").rstrip()
    if match := _YES_NO_QUESTION.fullmatch(text):
        clause = _declarative(match["aux"], match["rest"], names, noun_wh=False)
        return clause and f"whether {clause}"
    if match := _WH_QUESTION.fullmatch(text):
        return _wh_clause(match["wh"], match["aux"], match["rest"], names)
    if _SUBJECT_QUESTION.fullmatch(text):
        return lower_first(text)
    match = _WH_IN_PLACE.fullmatch(text)
    if match and ":" not in match["head"]:  # "About Ann Lee: how old is she" is two sentences
        head = match["head"]
        return f"{lower_first(match['wh'])} {lower_first(head) if _DESCRIBED.match(head) else head}"
    return None


def yes_no(statement: str, names: Sequence[str]) -> str | None:
    """Ask whether a statement is so; None unless it starts with a name and an auxiliary verb."""
    text = statement.strip().rstrip(".")
    first = next(iter(find_names(text, names, "en")), None)
    if first is None or first.start:
        return None
    match = re.fullmatch(rf"\s+(?P<aux>{_AUXILIARY})\s+(?P<rest>.+)", text[first.end :])
    if match is None or match["rest"].startswith("not "):
        return None
    return f"{match['aux'].capitalize()} {text[: first.end]} {match['rest']}?"


def parts(text: str) -> tuple[str, str, str] | None:
    """Split a question without its mark into wh-phrase, auxiliary and rest; None for other questions."""
    match = _WH_QUESTION.fullmatch(text)
    return match and (match["wh"], match["aux"], match["rest"])


def declarative(aux: str, rest: str, names: Sequence[str]) -> str | None:
    """Put the auxiliary behind a leading noun phrase; None where there is none, or it is unclear."""
    if not _opens_noun_phrase(rest, names):
        return None
    return _declarative(aux, rest, names, noun_wh=False)


def lower_first(text: str) -> str:
    """Lower the first letter unless the first word is a name or an acronym (judged by its inside)."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if any(char.isupper() for char in first[1:]):
        return text
    return text[:1].lower() + text[1:]


def _wh_clause(wh: str, aux: str, rest: str, names: Sequence[str]) -> str | None:
    wh = lower_first(wh)
    supported = aux.lower() in {"do", "does", "did"}
    bare = wh in {"who", "what", "which"}
    described = bare and _DESCRIBED.match(rest) and not _ends_with_name(rest, names)
    # The order stays where the wh-phrase is the subject ("which city is known for …"), and where
    # the noun is described at length ("what is the class that X falls under").
    if not supported and (described or not _opens_noun_phrase(rest, names)):
        return f"{wh} {aux} {rest}"
    clause = _declarative(
        aux, rest, names, noun_wh=" " in wh and wh.split()[0] in {"which", "what"}
    )
    return clause and f"{wh} {clause}"


def _declarative(aux: str, rest: str, names: Sequence[str], *, noun_wh: bool) -> str | None:
    """Put the auxiliary behind its noun phrase: ("did", "Ann Lee pass away") -> "Ann Lee passed away"."""
    split = _split_noun_phrase(rest, names)
    if split is None:
        return None
    noun, predicate = split
    aux = aux.lower()
    if aux in {"do", "does", "did"}:
        return _without_do_support(aux, noun, predicate)
    if not predicate:
        return f"{aux} {noun}" if noun_wh else f"{noun} {aux}"
    return f"{noun} {aux} {predicate}"


def _without_do_support(aux: str, noun: str, predicate: str) -> str | None:
    match = _ADVERB.match(predicate)
    assert match, "the pattern matches any text"
    adverb, predicate = match["adverb"], match["rest"]
    verb, *others = predicate.split(maxsplit=1) or [""]
    if not verb.isalpha() or verb == "not" or (others and re.match(r"(and|or)\b", others[0])):
        return None  # "hold or lose": the second verb would need inflecting as well
    if aux == "do":
        return f"{noun} {adverb}{predicate}"
    from lemminflect import getInflection

    forms = getInflection(verb, tag="VBZ" if aux == "does" else "VBD")
    return " ".join([noun, adverb + forms[0], *others]) if forms else None


def _opens_noun_phrase(rest: str, names: Sequence[str]) -> bool:
    bare = rest.lstrip("\"'“‘")
    if any(bare.casefold().startswith(name.casefold()) for name in names):
        return True
    return (
        bool(re.match(rf"(?:{_PRONOUN}|{_DETERMINER})\b", bare, re.IGNORECASE))
        or bare[:1].isupper()
    )


def _ends_with_name(rest: str, names: Sequence[str]) -> bool:
    if re.search(r"\b(?:that|who|which|whose)\b", rest):
        return False
    return any(rest.rstrip("\"'”’").endswith(name) for name in names)


def _split_noun_phrase(rest: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Split "the founder of X come from" into ("the founder of X", "come from"); None if unclear."""
    if match := re.match(rf"(?:{_PRONOUN})\b", rest, re.IGNORECASE):
        return match[0], rest[match.end() :].strip()
    found = find_names(rest, names, "en")
    if not found:
        return None
    end = found[0].end
    while end < len(rest) and rest[end] in "\"'”’" and rest[end : end + 2] not in {"'s", "’s"}:
        end += 1
    noun, predicate = rest[:end], rest[end:].strip()
    if rest[end : end + 2] in {"'s", "’s"}:  # "X's code hosted": what is owned belongs to the noun
        owned = _PARTICIPLE.search(rest)
        cut = owned.start() if owned and owned.start() > end else len(rest)
        noun, predicate = rest[:cut].rstrip(), rest[cut:]
    return noun, predicate
