"""Derives what has to be said from a question and its answer, where the author gives no `expect`.

That is the telling part: what the answer adds to the question, the subject's names and its kind, without the
words that every such answer has. docs/matching.md tells the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.facts import polarity
from pipeline.facts.language import Language, load_language
from pipeline.facts.phrases import compile_phrase, says
from pipeline.facts.reading import Token, prepare, read_answer
from pipeline.facts.spaceless_telling import spaceless_parts
from pipeline.facts.values import Amount, Day
from pipeline.facts.verbatim import is_verbatim
from pipeline.facts.word_search import PARTICLES, TITLES, find_words, same_word

Items = tuple[tuple[str, ...], ...]

SHORT_ANSWER_WORDS = 8
"""More telling words than these, and an author has to say which of them matter."""
MOST_ITEMS = 12
"""Items of a list that is an answer by itself."""
_YES_NO_PARTICLES = frozenset(["吗", "か", "ไหม", "หรือไม่", "หรือเปล่า", "मi"])
_BACKTICKS = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer in a language, and what is known without them: the names, the kind."""

    question: str
    answer: str
    names: tuple[str, ...]
    kind: str
    language: str


def telling_part(asked: Asked) -> Items:
    """Give what an answer must hold, item by item; empty where that is not clear."""
    answer = asked.answer.strip()
    language = load_language(asked.language)
    if is_verbatim(answer):
        return ((answer,),)
    if asks_yes_or_no(asked.question, language):
        return (_polar(asked, language),)
    items = _parts(asked, language)
    if items and _holds(answer, items, asked.language):
        return items
    whole = answer.rstrip(".。")
    return (
        ((whole,),)
        if len(answer.split()) <= SHORT_ANSWER_WORDS and _short(answer, language)
        else ()
    )


def likely_part(asked: Asked) -> tuple[str, ...]:
    """Give the names and numbers of an answer whose telling part is not clear, to choose from."""
    language = load_language(asked.language)
    if language.spaceless:
        return ()
    text = prepare(asked.answer.strip(), language)
    runs = (run for run in _runs(asked, language) if _is_strong(run))
    return tuple(dict.fromkeys(_text_of(run, text) for run in runs))[:3]


def asks_yes_or_no(question: str, language: Language) -> bool:
    """Whether a question is one that yes or no answers: it has no word that asks."""
    if not question.rstrip().endswith(("?", "？", "؟")) and not language.spaceless:
        return False
    if language.spaceless:
        others = language.question_words - _YES_NO_PARTICLES - {"呢", "几"}
        polar = any(each in question for each in _YES_NO_PARTICLES)
        return polar and not any(word in question for word in others)
    words = [token.raw.casefold() for token in read_answer(question, language.code).tokens]
    if language.code == "hi":
        return bool(words) and words[0] == "क्या"
    return bool(language.question_words) and language.question_words.isdisjoint(words)


def _polar(asked: Asked, language: Language) -> tuple[str, ...]:
    """Give the alternatives for an answer of yes or no: the word, and what it confirms or denies."""
    answer = asked.answer.strip().rstrip(".。")
    reading = read_answer(answer, asked.language)
    sign = polarity.begins(answer, language)
    denied = any(True for _ in polarity.denials(reading))
    if language.spaceless:
        denied = polarity.text_denies(answer, language)
    words = language.answers.yes_no
    word = (words[0 if sign > 0 or (not sign and not denied) else 1],) if words else ()
    if polarity.only_polarity(answer, language):
        return tuple(dict.fromkeys((answer, *word)))
    rest = answer
    if sign and (comma := re.match(r"[^,.،，、:!]{1,20}[,.،，、:!]\s*", answer)):
        rest = answer[comma.end() :]
    clause = re.split(r"(?<=[^\d\W])[.。;；]\s*|[,，、،]\s", rest)[0]
    said = _without_names(clause, asked) or clause
    return tuple(dict.fromkeys((*word, *_asked_part(said, asked, language), said)))


def _asked_part(said: str, asked: Asked, language: Language) -> tuple[str, ...]:
    """Cut off what a clause adds to the question: "open on Sundays until noon" answers "… on Sundays?"."""
    if language.spaceless:
        return ()
    tokens = read_answer(said, asked.language).tokens
    given = _given(asked, language)
    known = [i for i, t in enumerate(tokens) if any(same_word(each, t, language) for each in given)]
    if (
        not known
        or known[-1] + 1 == len(tokens)
        or any(polarity.denies(t, language) for t in tokens)
    ):
        return ()
    return (prepare(said, language)[: tokens[known[-1]].end],)


def _without_names(text: str, asked: Asked) -> str:
    """Give a clause from behind the subject's name on, or up to it where nothing follows."""
    language = load_language(asked.language)
    reading = read_answer(text, asked.language)
    if language.spaceless:
        for name in sorted(asked.names, key=len, reverse=True):
            text = text.replace(name, "").lstrip(" ，,はがも") if name else text
        return text
    spans = [
        span for name in asked.names
        for span in find_words(compile_phrase(name, asked.language).words, reading)
    ]  # fmt: skip
    if not spans:
        return text
    end = max(end for _, end in spans)
    rest = reading.prepared[reading.tokens[end].start :] if end < len(reading.tokens) else ""
    more = [token for token in reading.tokens[end:] if not token.stop]
    if more and len(more) > sum(polarity.denies(token, language) for token in more):
        return rest
    return text


def _parts(asked: Asked, language: Language) -> Items:
    answer = asked.answer.strip()
    if literal := _literal(answer, asked.question):
        return tuple((each,) for each in literal)
    if language.spaceless:
        return tuple((part,) for part in spaceless_parts(
            answer, asked.question, (*asked.names, asked.kind), language))  # fmt: skip
    bare = _bare_items(asked, language)
    if bare:
        return tuple((item,) for item in bare[:MOST_ITEMS]) if len(bare) <= MOST_ITEMS else ()
    runs = [_without_verb(run, language) for run in _runs(asked, language)]
    strong = [run for run in runs if _is_strong(run)]
    if strong:  # a verb alone, beside a name or a number, is how the sentence is built
        runs = [run for run in runs if _is_strong(run) or len(run) > 1]
    words = sum(len([token for token in run if not token.stop]) for run in runs)
    if not runs or words > SHORT_ANSWER_WORDS or (not strong and _is_told(runs, asked)):
        return ()
    text = prepare(answer, language)
    return tuple((_text_of(run, text),) for run in runs)


def _is_told(runs: Sequence[Sequence[Token]], asked: Asked) -> bool:
    """Whether an answer is a tale with no name or number in it, of which not each word can matter."""
    listed = sum("," in run[0].joint for run in runs[1:])
    return len(runs) > 2 + listed and len(asked.answer.split()) > SHORT_ANSWER_WORDS


def _literal(answer: str, question: str) -> list[str]:
    """Give the links, paths and code in an answer, those between backticks first."""
    found = _BACKTICKS.findall(answer) or [
        chunk
        for each in answer.split()
        if is_verbatim(chunk := each.strip("\"'“”‘’()<>").rstrip(".,;:!?。，"))
    ]
    return [each for each in dict.fromkeys(found) if each not in question]


def _bare_items(asked: Asked, language: Language) -> list[str]:
    """Give the items of an answer that is no sentence: names, numbers or words with nothing around them."""
    answer = asked.answer.strip()
    lines = [re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line).strip() for line in answer.splitlines()]
    if len(lines) > 1:
        return [line.rstrip(" .;,") for line in lines if line and not line.endswith(":")]
    tokens = read_answer(answer, asked.language).tokens
    given = _given(asked, language)
    sentence = any(
        (
            token.stop
            and token.text not in language.answers.both
            and (token.raw.islower() or token is tokens[0])
        )
        or any(same_word(known, token, language) for known in given)
        for token in tokens
        if token.text not in TITLES and not _within_name(token, tokens)
    )
    if sentence or not tokens or len(answer.split()) > 3 * SHORT_ANSWER_WORDS:
        return []
    both = "|".join(sorted(map(re.escape, language.answers.both), key=len, reverse=True))
    parts = re.split(
        rf"\s*[,،;]\s+(?:(?:{both})\s+)?|\s+(?:{both})\s+" if both else r"\s*[,;]\s+", answer
    )
    items = [
        part.strip().rstrip(".") if not part.endswith("Inc.") else part
        for part in parts
        if part.strip()
    ]
    if any(len(item.split()) > SHORT_ANSWER_WORDS for item in items):
        return []
    starts = [item for item in items if item[:1].isupper() or not item[:1].isalpha()]
    return items if len(items) > 1 or starts or len(tokens) <= 4 else []


def _within_name(token: Token, tokens: Sequence[Token]) -> bool:
    """Whether a word of grammar stands between two names: "Bay of Pigs", "Ludwig van Beethoven"."""
    place = tokens.index(token)
    return (
        (token.stop or token.text in PARTICLES)
        and 0 < place < len(tokens) - 1
        and tokens[place - 1].capital
        and tokens[place + 1].capital
    )


def _given(asked: Asked, language: Language) -> list[Token]:
    """Collect the words that a reader of the question knows."""
    texts = (asked.question, asked.kind)
    tokens = [token for text in texts for token in read_answer(text, asked.language).tokens]
    return [token for token in tokens if not token.stop or token.value is not None]


def _runs(asked: Asked, language: Language) -> Iterator[list[Token]]:
    """Yield the runs of telling words in an answer."""
    reading = read_answer(asked.answer.strip(), asked.language)
    tokens = reading.tokens
    given = _given(asked, language)
    named = _named(asked)
    tell = [
        index not in named and _tells(token, given, language, index == 0)
        for index, token in enumerate(tokens)
    ]
    run: list[Token] = []
    for index, token in enumerate(tokens):
        cut = run and (re.search(r"[,;:()\n]", token.joint) or token.sentence != run[-1].sentence)
        if cut:
            yield _trimmed(run)
            run = []
        if tell[index] or (
            run and (token.joint == "-" or (index not in named and _between(index, tokens, tell)))
        ):
            run.append(token)
        elif run:
            yield _trimmed(run)
            run = []
        elif token.capital and index + 1 < len(tokens) and _leads(index, tokens, tell, named):
            run.append(token)
    if run:
        yield _trimmed(run)


def _named(asked: Asked) -> set[int]:
    """Give the places of tokens that belong to the subject's name, or stand for it."""
    reading = read_answer(asked.answer.strip(), asked.language)
    places: set[int] = set()
    for name in asked.names:
        for first, end in find_words(compile_phrase(name, asked.language).words, reading):
            places.update(range(first, end))
    return places


def _tells(token: Token, given: Sequence[Token], language: Language, first: bool) -> bool:
    if token.value is None and (token.stop or token.text in TITLES):
        return False
    small = token.raw.casefold()
    if (
        token.value is None
        and (small in language.common or small in language.refer)
        and not (token.capital and not first)
    ):
        return False
    return not any(
        same_word(known, token, language) or same_word(token, known, language) for known in given
    )


def _between(index: int, tokens: Sequence[Token], tell: Sequence[bool]) -> bool:
    """Whether a word that tells nothing belongs inside a name or a phrase, between two words that tell."""
    token = tokens[index]
    if (
        polarity.denies(token, load_language(""))
        or index + 1 >= len(tokens)
        or tokens[index - 1].sentence != token.sentence
    ):
        return False
    after = tokens[index + 1]
    if not tell[index + 1] or re.search(r"[,;:()\n]", after.joint):
        return False
    if token.joint == "-" or after.joint == "-":
        return True
    names = tokens[index - 1].capital and after.capital
    return names and (
        token.text in {"of", "de", "von", "du", "van", "da", "do", "di", "der", "the"}
        or token.capital
    )


def _leads(index: int, tokens: Sequence[Token], tell: Sequence[bool], named: set[int]) -> bool:
    """Whether a name begins with a word that was given: "Marrow Bay Observatory" beside Marrow Toolkit."""
    after = tokens[index + 1]
    return (
        index > 0 and index not in named and not tokens[index].stop
        and tell[index + 1] and after.capital and after.joint == " "
    )  # fmt: skip


def _trimmed(run: list[Token]) -> list[Token]:
    while run and run[-1].stop and run[-1].joint != "-":
        run.pop()
    return run


def _without_verb(run: list[Token], language: Language) -> list[Token]:
    """Take the verb off a name or an amount: "costs €14", "von Anna Lehmann gepflegt"."""
    while len(run) > 1 and run[0].raw.islower() and _is_amount(run[1]):
        run = run[1:]
    ends = language.code in {"de", "nl", "tr"} and any(token.capital for token in run)
    while (
        ends
        and len(run) > 1
        and run[-1].raw.islower()
        and run[-1].value is None
        and run[-2].value is None
    ):
        run = run[:-1]
    return run


def _is_amount(token: Token) -> bool:
    value = token.value
    return isinstance(value, Day) or (isinstance(value, Amount) and not value.plain)


def _is_strong(run: Sequence[Token]) -> bool:
    return any(
        token.value is not None
        or (token.raw[:1].isupper() and token.joint != "")
        or any(char.isdigit() for char in token.raw)
        or is_verbatim(token.raw)
        for token in run
    )


def _text_of(run: Sequence[Token], text: str) -> str:
    return text[run[0].start : run[-1].end].replace("_", " ")


def _holds(answer: str, items: Items, code: str) -> bool:
    reading = read_answer(answer, code)
    return all(
        any(says(compile_phrase(each, code), reading, strict=False) for each in item)
        for item in items
    )


def _short(answer: str, language: Language) -> bool:
    return not language.spaceless or len(answer) <= 4 * SHORT_ANSWER_WORDS
