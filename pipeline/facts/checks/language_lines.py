"""Says in which languages facts are taken to be written, where that is not plainly English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.core.number_words import count
from pipeline.facts.fact import Fact, Subject, taught
from pipeline.facts.languages.detection import detect
from pipeline.facts.languages.language import codes, load_language

_ASKED = "asked in layouts without words, and not with yes or no, negated or after a remark"


def language_lines(subjects: Iterable[Subject]) -> Iterator[str]:
    """Yield a line for each language of a file that is not plainly English, with how its facts are asked."""
    for subject in subjects:
        groups: dict[str, list[Fact]] = {}
        for fact in taught((subject,)):
            groups.setdefault(_told(fact, subject), []).append(fact)
        for told, facts in groups.items():
            if told:
                yield f"{subject.where.path}: {count(len(facts), 'fact')} {told}"


def _told(fact: Fact, subject: Subject) -> str:
    """Say what is taken for a fact's language; empty for plain English."""
    name = load_language(fact.language).name
    if subject.language:
        if subject.language not in codes():
            return f"in `{subject.language}`, which has no file: {_ASKED}"
        return f"in {name}, as the file says{_gaps(fact)}" if subject.language != "en" else ""
    if not fact.language:
        return f"in no language that is known: {_ASKED}; a line `language: xx` says which it is"
    if not detect(f"{fact.question} {fact.answer}").sure:
        return f"in {name}, which is not sure: a line `language: xx` says which it is"
    return f"in {name}{_gaps(fact)}" if fact.language != "en" else ""


def _gaps(fact: Fact) -> str:
    """Say which kinds of sentences the fact's language has not, and so are not made."""
    language = load_language(fact.language)
    frames = language.frames
    if not language.sample[0]:
        return f", whose file has no frames: {_ASKED}"
    kinds = {
        "statements": frames.yes and frames.no and frames.stated,
        "remarks": frames.remarks,
        "system prompts": frames.systems,
        "turns before": frames.turns,
        "negated questions": frames.negation.verbs or frames.negation.after_name,
    }
    lacking = [kind for kind, made in kinds.items() if not made]
    return f", without {' and '.join(lacking)}" if lacking else ""
